#!/usr/bin/env bash
# A Debian 13 root for building and testing against its newer PipeWire, FFmpeg, GCC and Weston.
#
#   tools/debian13-root.sh make          makes the root, or does nothing where it is current
#   tools/debian13-root.sh run           makes it, builds lumen inside and runs unit and session tests
#   tools/debian13-root.sh vm NAME       builds the test program vm-NAME there and runs it in the virtual
#                                        machine (tools/vm.sh), with a GPU device that has syncobjs,
#                                        vgem's fences and Mesa's software EGL and Vulkan
#   tools/debian13-root.sh exec CMD...   makes it, runs a command inside, in the checkout
#
# The root lies in $XDG_CACHE_HOME/lumen and is made again when its recipe (package lists and this
# file's version line) changes. It comes from the mirror that this machine's apt uses. Needs root.
set -euo pipefail

recipe_version=1
root_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/packages.sh
source "$root_dir/tools/packages.sh"

# Mesa's software Vulkan: the GPU of `vm` (on Debian 12 tools/vm.sh brings its own Mesa).
packages=("${packages_build[@]}" "${packages_session[@]}" "${packages_test[@]}" mesa-vulkan-drivers)
recipe=$(printf '%s\n' "$recipe_version" "${packages[@]}" | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lumen
root=$cache/debian13-$recipe

# The first Debian archive that apt is configured with.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    grep -v security | head -1
}

make_root() {
  [[ -e $root/.complete ]] && return
  mkdir -p "$cache"
  printf 'making a Debian 13 root in %s (some minutes)\n' "$root"
  # One maker at a time, in its own mount namespace, so that no mount of /proc or /sys can ever stand
  # in the way of a removal; --one-file-system is the second belt.
  exec 9> "$cache/debian13.lock"
  flock 9
  [[ -e $root/.complete ]] && return
  rm -rf --one-file-system "$cache"/debian13-*
  local list
  list=$(IFS=,; printf '%s' "${packages[*]}")
  unshare --mount mmdebstrap --variant=apt --mode=root --include="$list" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
    trixie "$root" "$(mirror)"
  touch "$root/.complete"
  exec 9>&-
}

# Own mount and PID namespaces: everything inside ends with the command, and no mount is left behind.
inside() {
  unshare --mount --pid --fork --kill-child bash -euc '
    root=$1 checkout=$2; shift 2
    mount --make-rprivate /
    mount --bind "$root" "$root"  # a root directory that is a mount point: tests make namespaces too
    mkdir -p "$root/lumen"
    mount --bind "$checkout" "$root/lumen"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/tmp"
    mount -t tmpfs tmpfs "$root/run"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
      CCACHE_DIR=/root/.ccache bash -euc "cd /lumen; \"\$@\"" bash "$@"
  ' bash "$root" "$root_dir" "$@"
}

case ${1:-} in
  make) make_root ;;
  exec) shift; make_root; inside "$@" ;;
  run)
    make_root
    # A build folder inside the root: the checkout's own builds are of another system.
    inside bash -euc '
      cmake -S /lumen -B /root/build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo
      cmake --build /root/build -j "$(nproc)"
      printf "PipeWire %s, libavcodec %s, GCC %s\n" "$(pkg-config --modversion libpipewire-0.3)" \
        "$(pkg-config --modversion libavcodec)" "$(gcc -dumpfullversion)"
      ctest --test-dir /root/build --output-on-failure --no-tests=error -LE "^long$" -j "$(nproc)"
    '
    ;;
  vm)
    make_root
    inside bash -euc '
      cmake -S /lumen -B /root/build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo
      cmake --build /root/build -j "$(nproc)" --target "vm-$1" lumen-host lumen-test-producer
    ' bash "$2"
    # What lumen-host needs there is in the root; a skipped test is a failure (tests/vm/run).
    "$root_dir/tests/vm/run" --drm virtio-gpu+vgem --root "$root" --timeout 1500 \
      --env LIBGL_ALWAYS_SOFTWARE=1 --env EGL_PLATFORM=surfaceless \
      --env VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.json -- \
      "/root/build/tests/vm/vm-$2"
    ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
