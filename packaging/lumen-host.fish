# What fits is what bash's completion, installed beside this one, has.
set -g __lumen_host_table (status dirname)/../../bash-completion/completions/lumen-host
function __lumen_host_fits
    bash -c '. "$0" && _lumen_host_print "$@"' $__lumen_host_table (commandline -opc) (commandline -ct) 2>/dev/null
end
complete -c lumen-host -f -a '(__lumen_host_fits)'
