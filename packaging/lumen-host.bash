# Bash completion for lumen-host(1), and the table behind that of zsh and fish.

_lumen_host_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
  compopt -o filenames 2>/dev/null
}

_lumen_host() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  local words=""
  COMPREPLY=()

  # Readline splits words at ':' and '=', so that a spec arrives in pieces.
  local colon=""
  if [[ $cur == : ]]; then
    colon=$prev cur=""
  elif [[ $prev == : ]]; then
    colon=${COMP_WORDS[COMP_CWORD-2]}
  fi
  case $colon in
    file)
      _lumen_host_files "$cur"
      return
      ;;
    kwin)
      mapfile -t COMPREPLY < <(compgen -W "window= virtual=" -- "$cur")
      compopt -o nospace 2>/dev/null
      return
      ;;
    gamescope)
      mapfile -t COMPREPLY < <(compgen -W "size= app=" -- "$cur")
      compopt -o nospace 2>/dev/null
      return
      ;;
    mutter)
      mapfile -t COMPREPLY < <(compgen -W "virtual=" -- "$cur")
      compopt -o nospace 2>/dev/null
      return
      ;;
    node)
      mapfile -t COMPREPLY < <(compgen -W "id= serial=" -- "$cur")
      compopt -o nospace 2>/dev/null
      return
      ;;
    ?*) return ;;
  esac

  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "stream sources encoders zerocopy-probe status ctl stop config doctor --help --version" -- "$cur")
    return
  fi
  if [[ $command == sources || $command == encoders || $command == zerocopy-probe ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--json --help" -- "$cur")
    return
  fi
  case $command:$prev in
    stream:*) ;;
    *:--name | *:--setup) return ;;
    doctor:--report | config:check | config:show)
      _lumen_host_files "$cur"
      return
      ;;
  esac
  case $command in
    status) words="--watch --json --name --help" ;;
    stop) words="--json --name --help" ;;
    doctor) words="--json --report --name --help" ;;
    config) words="check show --setup --help" ;;
    ctl)
      case $prev in
        codec) words="h264 hevc av1" ;;
        bitrate) words="5M 10M 20M 40M" ;;
        size) words="1280x720 1920x1080 2560x1440 3840x2160" ;;
        add-sink) words="file: rtp: whip: web" ;;
        remove-sink) return ;;
        *)
          words="add-sink remove-sink bitrate codec size key-frame start stop reload quit
            --json --name --help"
          ;;
      esac
      ;;
  esac
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then
      compopt -o nospace 2>/dev/null
    fi
    return
  fi
  [[ $command == stream ]] || return

  case $prev in
    --source) words="auto gamescope kwin mutter node: portal synthetic" ;;
    --audio) words="auto off node: synthetic" ;;
    --cursor) words="auto embedded metadata hidden" ;;
    --sink) words="file: rtp: whip: web" ;;
    --codec) words="auto h264 hevc av1" ;;
    --encoder) words="auto nvenc ffmpeg-nvenc software" ;;
    --quality) words="low medium high lossless-like" ;;
    --recovery) words="auto invalidation intra-refresh key-frame" ;;
    --entropy) words="auto cavlc cabac" ;;
    --chroma) words="420 444" ;;
    --bit-depth) words="auto 8 10" ;;
    --damage | --adapt | --notify) words="auto off" ;;
    --key-interval) words="infinite 1s 2s 5s" ;;
    --zerocopy) words="auto off require" ;;
    --profile) words="baseline main high" ;;
    --preset) words="ultrafast superfast veryfast faster fast medium p1 p2 p3 p4 p5 p6 p7" ;;
    --bitrate) words="5M 10M 20M 40M" ;;
    --fps) words="30 60 120" ;;
    --size) words="1280x720 1920x1080 2560x1440 3840x2160" ;;
    --stats) words="text json" ;;
    --level | --mirror | --frames | --duration | --qp | --vbv | --slices | --refresh-frames) return ;;
    --name | --setup) return ;;
    --adapt-bitrate | --adapt-bits | --adapt-pressure | --adapt-peak | \
      --adapt-window | --adapt-room | --adapt-patience | --adapt-longest-patience) return ;;
    --sdp | --trace | --config)
      _lumen_host_files "$cur"
      return
      ;;
    *)
      words="--source --cursor --audio --sink --codec --encoder --zerocopy --latency --quality --profile --level
        --preset --bitrate --qp --vbv --key-interval --recovery --refresh-frames --slices --sub-frame
        --entropy --chroma --bit-depth --in-place --damage --adapt
        --adapt-bitrate --adapt-bits --adapt-pressure --adapt-peak --adapt-window --adapt-room
        --adapt-patience --adapt-longest-patience --fps --size
        --wait --notify --frames --duration --qr --sdp --mirror --name --stats --trace --quiet --verbose --config
        --no-config --setup --help"
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

# For other shells: prints what fits at the end of these words, the last of which is being typed.
_lumen_host_print() {
  local COMP_WORDS=("${@:1:$#-1}") COMP_CWORD COMPREPLY=() head="" files=0 word=${!#}
  if [[ $word == *:* ]]; then
    head=${word%%:*}:
    COMP_WORDS+=("${word%%:*}" :)
    word=${word#*:}
  fi
  [[ -z $word && -n $head ]] || COMP_WORDS+=("$word")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  compopt() { [[ $2 != filenames ]] || files=1; }
  _lumen_host
  unset -f compopt
  for word in "${COMPREPLY[@]}"; do
    ((files)) && [[ -d $word ]] && word+=/
    printf '%s\n' "$head$word"
  done
}

complete -F _lumen_host lumen-host
