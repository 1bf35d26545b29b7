#!/bin/bash
# What the demo's terminals show: "plasma" draws a moving field of colour, "clock" the time of day to
# a hundredth of a second. The name it is called by (a symbolic link) or the argument chooses:
# weston-terminal --shell takes no arguments.
set -u

plasma() {
  # 256-colour terminals number a 6×6×6 cube from 16: 16 + 36 r + 6 g + b.
  awk 'BEGIN {
    pi = 3.14159265; columns = 80; rows = 24
    printf "\033[?25l\033[2J"
    for (frame = 0; ; ++frame) {
      if (frame % 25 == 5) {  # the terminal takes its size from the compositor after it started
        size = "stty size < /dev/tty"
        if ((size | getline line) > 0 && split(line, n, " ") == 2 && n[1] > 0) {
          rows = n[1]; columns = n[2]
        }
        close(size)
      }
      t = frame * 0.12; out = "\033[H"
      for (y = 0; y < rows; ++y) {
        last = -1
        for (x = 0; x < columns; ++x) {
          dx = x - columns / 2 - 24 * sin(t * 0.7); dy = (y - rows / 2) * 2 - 14 * cos(t * 0.9)
          v = sin(x * 0.11 + t) + sin((y * 0.22 - t) * 0.8) + sin(sqrt(dx * dx + dy * dy) * 0.16 - t)
          r = int(2.99 + 2.99 * sin(v * 1.1)); g = int(2.99 + 2.99 * sin(v * 1.1 + 2 * pi / 3))
          b = int(2.99 + 2.99 * sin(v * 1.1 + 4 * pi / 3)); colour = 16 + 36 * r + 6 * g + b
          if (colour != last) { out = out sprintf("\033[48;5;%dm", colour); last = colour }
          out = out " "
        }
        if (y + 1 < rows) out = out "\r\n"
      }
      printf "%s", out; fflush(); system("sleep 0.08")
    }
  }'
}

clock() {
  # Five rows of the characters 0-9 and ":", four columns each.
  local rows=("███  █  ███ ███ █ █ ███ ███ ███ ███ ███     " "█ █ ██    █   █ █ █ █   █     █ █ █ █ █  █  " \
    "█ █  █  ███ ███ ███ ███ ███   █ ███ ███     " "█ █  █  █     █   █   █ █ █   █ █ █   █  █  " \
    "███ ███ ███ ███   █ ███ ███   █ ███ ███     ")
  local now text row line i digit hundredths bar
  printf -v bar '%60s' ''
  bar=${bar// /━}
  printf '\033[?25l\033[2J'
  while :; do
    now=$EPOCHREALTIME
    hundredths=$((10#${now: -6:2}))
    printf -v text '%(%H:%M:%S)T' "${now%[.,]*}"
    printf '\033[H\r\n\r\n\033[1;36m'
    for row in "${rows[@]}"; do
      line=""
      for ((i = 0; i < ${#text}; ++i)); do
        digit=${text:i:1}
        if [[ $digit == : ]]; then digit=10; fi
        line+=${row:digit * 4:4}
      done
      line=${line//█/██}
      line=${line// /  }
      printf '%9s%s\r\n%9s%s\r\n' '' "$line" '' "$line"
    done
    i=$((hundredths * 60 / 100))
    printf '\r\n%9s\033[1;33m%s\033[0;34m%s\033[1;37m  .%02d\r\n\r\n' '' "${bar:0:i}" "${bar:i}" \
      "$hundredths"
    printf '\033[0;37m%9sA headless desktop, streamed by \033[1;37mlumen\033[0;37m:\r\n\r\n' ''
    printf '%9s\033[1;32mMutter → PipeWire → lumen-host → H.264 → page, file, RTP\033[0m\r\n' ''
    sleep 0.04
  done
}

case ${1:-${0##*/}} in
  plasma) plasma ;;
  clock) clock ;;
  *)
    printf 'Usage: %s plasma|clock\n' "$0" >&2
    exit 2
    ;;
esac
