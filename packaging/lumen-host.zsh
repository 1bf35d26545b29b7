#compdef lumen-host
# What fits is what bash's completion, installed beside this one, has.
local table=${functions_source[_lumen-host]:A:h}/../../bash-completion/completions/lumen-host
local -a fits
fits=(${(f)"$(bash -c '. "$0" && _lumen_host_print "$@"' $table \
  "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)"})
# What goes on after ':', '=' or '/' ends in no blank.
compadd -S '' -- ${(M)fits:#*[:=/]}
compadd -- ${fits:#*[:=/]}
