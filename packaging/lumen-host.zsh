#compdef lumen-host
# What there is to say is what the program's own help says.
local -a words_of_help
if ((CURRENT == 2)); then
  words_of_help=(${(f)"$(lumen-host --help 2>/dev/null | sed -nE 's/^  ([a-z][a-z-]+) .*/\1/p')"})
elif [[ $words[CURRENT] == -* ]]; then
  words_of_help=(${(f)"$(lumen-host $words[2] --help 2>/dev/null | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u)"})
else
  _files
  return
fi
compadd -- $words_of_help
