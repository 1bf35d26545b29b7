# shellcheck shell=bash
# The Debian packages that lumen needs (Debian 12 and 13 use the same names), and install_missing,
# which installs only those that are absent, from the package sources the machine already has.
# Source it (bash).

# To build lumen-host.
packages_build=(
  cmake ninja-build pkg-config g++
  libpipewire-0.3-dev libspa-0.2-dev libavcodec-dev libavformat-dev libavutil-dev
  libx264-dev libx265-dev libopus-dev
  libmicrohttpd-dev libgnutls28-dev libqrencode-dev libcurl4-gnutls-dev
  libgstreamer1.0-dev libgstreamer-plugins-bad1.0-dev
  libhwy-dev libyuv-dev libexpected-dev libfmt-dev libspdlog-dev libcli11-dev libtomlplusplus-dev
  nlohmann-json3-dev libsystemd-dev libwayland-dev libwayland-bin plasma-wayland-protocols
  libffmpeg-nvenc-dev libvulkan-dev libegl-dev libgles-dev libgbm-dev libdrm-dev
)
# What lumen-host loads when it serves a page (--sink web).
packages_web=(gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice)
# To bring up a private desktop session without a screen.
packages_session=(
  dbus pipewire pipewire-bin wireplumber mutter weston libgl1-mesa-dri fonts-dejavu-core procps
)
# To build and run all tests, benchmarks and checks.
packages_test=(
  libgtest-dev libgmock-dev libbenchmark-dev ffmpeg libsvtav1enc-dev
  gstreamer1.0-tools gstreamer1.0-pipewire gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav
  kwin-wayland wayland-protocols xdg-desktop-portal
  python3 python3-gi gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0
  clang-format-19 clang-tidy-19 clang-19 libclang-rt-19-dev mandoc g++-mingw-w64-x86-64-posix mmdebstrap ccache
)
# To build the Windows half and run its tests in Wine (tools/windows-lane.sh).
packages_windows=(
  g++-mingw-w64-x86-64-posix wine wine64 xvfb xauth libgl1-mesa-dri googletest nasm make dpkg-dev
)
# To build mediasoup's worker (tools/mediasoup-worker.sh), besides Node and npm.
packages_mediasoup=(
  meson ninja-build libssl-dev libuv1-dev libsrtp2-dev libusrsctp-dev libabsl-dev libflatbuffers-dev
  flatbuffers-compiler flatbuffers-compiler-dev
)
# For mediasoup and the WHIP server of tests/whip.
packages_node=(nodejs npm)
# To make the Debian package (tools/package), and to look at what is in it.
packages_pack=(dpkg-dev appstream desktop-file-utils)
# To install the Debian package in a fresh root (tests/package).
packages_package=("${packages_pack[@]}" lintian mmdebstrap systemd)
# To build the recipes for Arch and Fedora (tests/package/recipes). Debian's makepkg does not ask for the
# bsdtar that it needs.
packages_recipes=(makepkg pacman-package-manager libarchive-tools rpm)
# To look at the page in a browser.
packages_browser=(chromium)
# To run tests in a virtual machine with real dmabufs (tools/vm.sh).
packages_vm=(qemu-system-x86 busybox-static cpio kmod xz-utils mmdebstrap)

# install_missing PACKAGE…: apt's output goes to $packages_log (default: a temporary file that is
# kept on failure). Root, or a user who may use sudo. Returns non-zero after saying why.
install_missing() {
  local package apt missing=() log=${packages_log:-}
  for package in "$@"; do
    if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null) != installed ]]; then
      missing+=("$package")
    fi
  done
  if ((${#missing[@]} == 0)); then return 0; fi
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300)
  if [[ $EUID -ne 0 ]]; then
    if ! command -v sudo > /dev/null; then
      printf 'These packages are missing and there is no sudo to install them with: %s\n' \
        "${missing[*]}" >&2
      return 1
    fi
    apt=(sudo "${apt[@]}")
  fi
  if [[ -z $log ]]; then log=$(mktemp "${TMPDIR:-/tmp}/lumen-apt.XXXXXX") || return 1; fi
  printf 'Installing: %s\n' "${missing[*]}"
  # Old or empty package lists show as "no candidate" or as files that are gone: refresh, once more.
  if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" > "$log" 2>&1; then
    printf 'Refreshing the package lists\n'
    if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } \
      >> "$log" 2>&1; then
      printf 'The packages can'\''t be installed; the end of %s:\n' "$log" >&2
      tail -n 15 "$log" >&2
      return 1
    fi
  fi
  if [[ -z ${packages_log:-} ]]; then rm -f "$log"; fi
}
