#!/usr/bin/env bash
# Windows programs on Linux: cross-builds them with mingw-w64 and runs them in Wine, under Xvfb.
#
#   tools/windows-lane.sh make           makes a static x264 for Windows, or does nothing where it is current
#   tools/windows-lane.sh build          makes it and builds lumen's portable parts with their tests
#   tools/windows-lane.sh test           builds, runs the tests in Wine, checks what they encoded with FFmpeg
#   tools/windows-lane.sh wine CMD...    runs a Windows program in the build's Wine; needs an X display
#
# x264 is built from Debian's source package and lies in $XDG_CACHE_HOME/lumen; it is made again when its
# recipe (versions of package and compiler, options) changes. Packages: packages_windows.
set -euo pipefail

root_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=$root_dir/build/windows-cross
wine=/usr/lib/wine/wine64
wineserver=/usr/lib/wine/wineserver64
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lumen
host=x86_64-w64-mingw32
compiler=$host-gcc-posix
x264_options=(--host=$host --cross-prefix=$host- --enable-static --disable-cli --disable-opencl
  --bit-depth=8 --chroma-format=all)

# The version that the Linux side encodes with.
x264_version() {
  dpkg-query -W -f '${source:Version}' libx264-dev
}

x264_prefix() {
  local recipe
  recipe=$(printf '%s\n' 1 "$(x264_version)" "$("$compiler" -dumpfullversion)" "${x264_options[@]}" |
    sha256sum | cut -c1-12)
  printf '%s/x264-windows-%s' "$cache" "$recipe"
}

# fetch_source PACKAGE=VERSION: unpacks a source package here. The lists are its own, since few machines
# have deb-src in theirs; the archive is the one that apt is configured with.
fetch_source() {
  mkdir -p lists/partial
  apt-get indextargets --format 'deb-src $(REPO_URI) $(CODENAME) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | sort -u > sources.list
  local apt=(apt-get -q -o "Dir::Etc::sourcelist=$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD" -o APT::Sandbox::User=)
  "${apt[@]}" update && "${apt[@]}" source "$1"
}

make_x264() (
  prefix=$(x264_prefix)
  [[ -e $prefix/.complete ]] && exit
  mkdir -p "$cache"
  # One maker at a time.
  exec 9> "$cache/x264-windows.lock"
  flock 9
  [[ -e $prefix/.complete ]] && exit
  printf 'making x264 for Windows in %s (a minute)\n' "$prefix"
  rm -rf "$cache"/x264-windows-*/
  work=$(mktemp -d "${TMPDIR:-/tmp}/lumen-x264.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  fetch_source "x264=$(x264_version)"
  cd x264-*/
  CC=$compiler ./configure "${x264_options[@]}" --prefix="$prefix"
  make -j "$(nproc)"
  make install-lib-static
  touch "$prefix/.complete"
)

build() {
  make_x264
  cmake --preset windows-cross -S "$root_dir" -DLUMEN_TESTS=ON "-DLUMEN_WINDOWS_X264=$(x264_prefix)"
  cmake --build "$build_dir" -j "$(nproc)"
}

# A Windows of the build's own, with the stand-in where NVIDIA's driver puts its library.
use_wine() {
  export WINEPREFIX=$build_dir/wine WINEDEBUG=${WINEDEBUG:--all}
  export WINEDLLOVERRIDES='mscoree=;mshtml=;winemenubuilder.exe='
}
# The output goes by way of a file: what a program leaves running, Windows' services and desktop, would
# keep a pipe open for ever.
run_wine() {
  local output code=0
  output=$(mktemp)
  "$wine" "$@" > "$output" 2>&1 < /dev/null || code=$?
  cat "$output"
  rm -f "$output"
  return $code
}

start_wine() {
  use_wine
  mkdir -p "$WINEPREFIX"
  # One server for all programs: starting it takes ten times as long as a program does.
  "$wineserver" -k || true  # one of a run that was interrupted
  "$wineserver" -p
  trap '"$wineserver" -k' EXIT
  run_wine wineboot
  [[ -e $WINEPREFIX/.complete ]] && return
  # A crash ends the program instead of waiting for someone to close a dialog.
  run_wine reg add 'HKCU\Software\Wine\WineDbg' /v ShowCrashDialog /t REG_DWORD /d 0 /f
  ln -sf "$build_dir/sim/nvEncodeAPI64.dll" "$WINEPREFIX/drive_c/windows/system32/nvEncodeAPI64.dll"
  touch "$WINEPREFIX/.complete"
}

# Under Xvfb: Direct3D in Wine needs a display.
run_tests() {
  start_wine
  rm -f "$build_dir"/streams/*
  ctest --test-dir "$build_dir" --output-on-failure --no-tests=error -j "$(nproc)" -LE '^long$' "$@"
}

check_streams() {
  cmake --preset release -S "$root_dir"
  cmake --build "$root_dir/build/release" -j "$(nproc)" --target lumen-windows-streams
  LUMEN_STREAMS=$build_dir/streams "$root_dir/build/release/tests/windows/lumen-windows-streams"
}

case ${1:-} in
  make) make_x264 ;;
  build) build ;;
  wine)
    shift
    use_wine
    [[ -e $WINEPREFIX/.complete ]] || { printf 'tools/windows-lane.sh test makes the Wine\n' >&2; exit 1; }
    run_wine "$@"
    ;;
  test)
    build
    xvfb-run -a -s '-screen 0 1280x720x24 -nolisten tcp' "$0" run-tests
    check_streams
    ;;
  run-tests) run_tests ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
