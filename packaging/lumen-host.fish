# What there is to say is what the program's own help says.
set -l commands (lumen-host --help 2>/dev/null | string match -rg '^  ([a-z][a-z-]+) ')
complete -c lumen-host -n __fish_use_subcommand -f -a "$commands"
complete -c lumen-host -n 'not __fish_use_subcommand' \
    -a '(lumen-host (commandline -opc)[2] --help 2>/dev/null | string match -ar -- "--[a-z][a-z0-9-]+" | sort -u)'
