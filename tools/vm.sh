#!/usr/bin/env bash
# A virtual machine with real dmabufs, for machines whose kernel has none. It sees this machine's
# files, so what was built here runs in there as it is; what it writes is lost, except in /results.
#
#   tools/vm.sh make [--forky]          downloads and unpacks what it needs, or does nothing
#   tools/vm.sh run [OPTION]... CMD...  runs a command inside, in the working directory of the same
#                                       name, as root; its output and exit code are the command's.
#                                       A CMD of one word with spaces is a shell script.
#     --drm none|vgem|virtio-gpu|virtio-gpu+vgem
#                        DRM drivers to load (none); virtio-gpu comes with its device and has timeline
#                        syncobjs (explicit sync), vgem has fences that a process signals
#     --mesa             run with Mesa 25 of bookworm-backports (llvmpipe, lavapipe)
#     --results DIR      this folder is /results inside, writable
#     --root DIR|forky   enter another root, with this machine's at /host, where that one is /guest;
#                        /tmp and /run are the same in both. forky: with gamescope and KWin 6
#     --env NAME=VALUE   repeatable
#     --timeout S        stops the machine after S seconds (600), exit code 124
#   tools/vm.sh path mesa|forky         where they lie; makes them
#   tools/vm.sh have vm|forky           succeeds where it was made and can run
#
# Exit code 125: the machine itself failed (its console is printed). Everything lies in
# $XDG_CACHE_HOME/lumen and is made again when its recipe (the lists in this file) changes; it comes
# from the mirror that this machine's apt uses and is unpacked, never installed. Making the forky
# root needs root. QEMU emulates (LUMEN_VM_ACCEL=tcg): a nested KVM often can't run a stock kernel.
set -euo pipefail

recipe_version=1
# UDMABUF and dma-heap built in, 9p, overlay and vgem as modules; the cloud kernels have no 9p.
kernel_pattern='linux-image-6[.](12|1[3-9])[.][0-9]+[+]deb1[23]-amd64(-unsigned)?'
modules_boot=(netfs 9pnet 9pnet_virtio 9p overlay)
modules_drm=(vgem virtio-gpu)
packages_mesa=(
  mesa-vulkan-drivers libegl-mesa0 libgbm1 libgl1-mesa-dri mesa-libgallium libglx-mesa0
  libdrm2 libdrm-amdgpu1 libdrm-intel1
)
packages_forky=(
  gamescope pipewire pipewire-bin wireplumber dbus kwin-wayland weston vulkan-tools
  mesa-vulkan-drivers libgl1-mesa-dri libegl1 libgbm1 libgles2 xwayland procps fonts-dejavu-core
)
gamescope_least=3.16.22  # the first that works with PipeWire 1.6

tool_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lumen
hash_of() { printf '%s\n' "$@" | sha256sum | cut -c1-12; }
vm=$cache/vm-$(hash_of "$recipe_version" "$kernel_pattern" "${modules_boot[@]}" "${modules_drm[@]}" \
  "${packages_mesa[@]}" "$(cat "$tool_dir/vm-init")")
forky=$cache/forky-$(hash_of "$recipe_version" "${packages_forky[@]}" "$gamescope_least")
work=""   # of this run; removed in the end
qemu_pid=""

fail() {
  printf 'tools/vm.sh: %s\n' "$*" >&2
  exit 125
}

# The first Debian archive that apt is configured with.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    grep -v security | head -1
}

# apt with lists of its own: bookworm-backports, which this machine need not be configured with.
backports_apt() {
  apt-get -qq -o Dir::State="$vm/apt/state" -o Dir::Cache="$vm/apt/cache" \
    -o Dir::State::status=/var/lib/dpkg/status -o Dir::Etc::sourceparts=- \
    -o Dir::Etc::sourcelist="$vm/apt/sources.list" -o APT::Sandbox::User=root "$@"
}

# The newest package whose whole name matches: of the private lists first, then the machine's own.
make_kernel() {
  local name
  cd "$work"
  name=$(apt-cache -o Dir::State="$vm/apt/state" -o Dir::Cache="$vm/apt/cache" \
    -o Dir::Etc::sourceparts=- -o Dir::Etc::sourcelist="$vm/apt/sources.list" \
    pkgnames linux-image-6 | grep -xE "$kernel_pattern" | sort -V | tail -1)
  if [[ -n $name ]]; then
    backports_apt download "$name"
  else
    name=$(apt-cache pkgnames linux-image-6 | grep -xE "$kernel_pattern" | sort -V | tail -1)
    [[ -n $name ]] || fail "no kernel package matches $kernel_pattern"
    apt-get -qq -o APT::Sandbox::User=root download "$name"
  fi
  mkdir kernel
  dpkg-deb --fsys-tarfile linux-image-*.deb | tar x -C kernel
  local tree
  tree=$(echo kernel/lib/modules/* kernel/usr/lib/modules/*)
  tree=$(printf '%s\n' $tree | grep -v '[*]' | head -1)
  depmod -b "${tree%%/lib/modules/*}" "${tree##*/}"
  cp kernel/boot/vmlinuz-* "$vm/vmlinuz"
  printf '%s\n' "$name" > "$vm/kernel-package"

  # Modules come unpacked (busybox need not know xz), DRM ones with all they depend on, in order.
  mkdir -p "$vm/modules" initrd/modules initrd/{bin,proc,dev,control,lower,upper,host,guest}
  local module file
  for module in "${modules_boot[@]}"; do
    unpack_module "$(find "$tree" -name "$module.ko*")" "initrd/modules/$module.ko"
  done
  for module in "${modules_drm[@]}"; do
    : > "$vm/modules/$module.order"
    # modules.dep: "a: b c" where c is needed first.
    for file in $(grep -E "/$module[.]ko[^:]*:" "$tree/modules.dep" | tr -d : | tr ' ' '\n' | tac); do
      local plain=${file##*/}
      plain=${plain%%.ko*}.ko
      unpack_module "$tree/$file" "$vm/modules/$plain"
      printf '%s\n' "$vm/modules/$plain" >> "$vm/modules/$module.order"
    done
  done
  cp "$(command -v busybox)" initrd/bin/busybox
  install -m 755 "$tool_dir/vm-init" initrd/init
  (cd initrd && find . | cpio -o -H newc --quiet | gzip) > "$vm/initrd"
}

unpack_module() {
  case $1 in
    *.xz) xz -dc "$1" > "$2" ;;
    *.zst) zstd -dcq "$1" > "$2" ;;
    *) cp "$1" "$2" ;;
  esac
}

make_mesa() {
  mkdir "$work/mesa"
  cd "$work/mesa"
  backports_apt -t bookworm-backports download "${packages_mesa[@]}"
  local package lib=$vm/mesa/usr/lib/x86_64-linux-gnu
  mkdir -p "$vm/mesa"
  for package in *.deb; do dpkg-deb --fsys-tarfile "$package" | tar x -C "$vm/mesa"; done
  printf '%s\n' *.deb > "$vm/mesa/versions"
  # Its ICD files may name libraries by an installed path.
  sed -i "s|\"/usr/lib/x86_64-linux-gnu/|\"$lib/|" "$vm"/mesa/usr/share/vulkan/icd.d/*.json
  cat > "$vm/mesa/env" <<ENV
export LD_LIBRARY_PATH=$lib\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
export LIBGL_DRIVERS_PATH=$lib/dri GBM_BACKENDS_PATH=$lib/gbm
export __EGL_VENDOR_LIBRARY_DIRS=$vm/mesa/usr/share/glvnd/egl_vendor.d
export VK_DRIVER_FILES=$vm/mesa/usr/share/vulkan/icd.d/lvp_icd.json
export VK_ICD_FILENAMES=\$VK_DRIVER_FILES
export LIBGL_ALWAYS_SOFTWARE=1 EGL_PLATFORM=surfaceless
ENV
  [[ -e $vm/mesa/usr/share/vulkan/icd.d/lvp_icd.json ]] ||
    sed -i "s|lvp_icd.json|lvp_icd.x86_64.json|" "$vm/mesa/env"
}

# Those of other recipes, unless somebody may be using them today.
remove_old() {
  find "$cache" -maxdepth 1 -type d -name "$1-*" ! -path "$2" -mtime +0 \
    -exec rm -rf --one-file-system {} +
}

make_vm() {
  [[ -e $vm/.complete ]] && return
  local program
  for program in qemu-system-x86_64 busybox cpio depmod; do
    command -v "$program" > /dev/null || fail "$program is missing (packages_vm in tools/packages.sh)"
  done
  printf 'making the virtual machine in %s\n' "$vm" >&2
  mkdir -p "$cache"
  exec 9> "$cache/vm.lock"
  flock 9
  [[ -e $vm/.complete ]] && return
  rm -rf --one-file-system "$vm"
  mkdir -p "$vm"/apt/{state/lists/partial,cache/archives/partial}
  printf 'deb %s bookworm-backports main\n' "$(mirror)" > "$vm/apt/sources.list"
  backports_apt update >&2
  # Subshells: cd.
  (make_mesa) >&2
  (make_kernel) >&2
  rm -rf --one-file-system "$vm/apt"
  touch "$vm/.complete"
  remove_old vm "$vm"
  exec 9>&-
}

make_forky() {
  [[ -e $forky/.complete ]] && return
  ((EUID == 0)) || fail "making the forky root needs root"
  command -v mmdebstrap > /dev/null || fail "mmdebstrap is missing"
  printf 'making a Debian forky root in %s (some minutes)\n' "$forky" >&2
  mkdir -p "$cache"
  exec 9> "$cache/forky.lock"
  flock 9
  [[ -e $forky/.complete ]] && return
  rm -rf --one-file-system "$forky"
  local list version
  list=$(IFS=,; printf '%s' "${packages_forky[*]}")
  # In its own mount namespace, so that no mount can ever stand in the way of a removal. gamescope is
  # in contrib. Forky moves: what came is written down in /versions.
  unshare --mount mmdebstrap --quiet --variant=apt --mode=root --components=main,contrib \
    --include="$list" --aptopt='APT::Install-Recommends "false"' \
    --aptopt='Acquire::Check-Valid-Until "false"' forky "$forky" "$(mirror)" >&2 ||
    fail "the forky root can't be made"
  chroot "$forky" dpkg-query -W > "$forky/versions"
  version=$(chroot "$forky" dpkg-query -W -f '${Version}' gamescope)
  dpkg --compare-versions "$version" ge "$gamescope_least" ||
    fail "forky's gamescope is $version, and $gamescope_least is needed"
  touch "$forky/.complete"
  remove_old forky "$forky"
  exec 9>&-
}

# Shell words that set what the command shall have, then the command.
write_command() {
  local variable
  printf 'exec /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games LANG=C.UTF-8 /bin/bash -c %q bash' \
    "$(
      ((mesa)) && printf '. %q\n' "${root:+/host}$vm/mesa/env"
      for variable in "${variables[@]}"; do printf 'export %q\n' "$variable"; done
      printf 'cd %q 2> /dev/null || cd /\n' "$PWD"
      if (($# == 1)); then printf '%s\n' "$1"; else printf 'exec "$@"\n'; fi
    )"
  (($# == 1)) || printf ' %q' "$@"
  printf '\n'
}

# The modules of drivers joined by +, each once, in an order that works.
modules_of() {
  local driver
  for driver in ${1//+/ }; do
    [[ $driver == none ]] || cat "$vm/modules/$driver.order" || fail "no DRM driver $driver"
  done | awk '!seen[$0]++' | tr '\n' ' '
}

# tripped_at_boot CONSOLE: whether the kernel died of a breakpoint of its own in its first ten seconds.
# It patches running code by way of one (static keys), and QEMU's emulation of several processors
# now and then still runs it after it was taken out.
tripped_at_boot() {
  grep -q 'Oops: int3' "$1" && grep -qE '^\[ +[0-9]\.[0-9]+\] Kernel panic' "$1"
}

run() {
  local drm=none results="" root="" seconds=600 mesa=0 variables=()
  while (($#)); do
    case $1 in
      --drm) drm=$2; shift ;;
      --mesa) mesa=1 ;;
      --results) results=$2; shift ;;
      --root) root=$2; shift ;;
      --env) variables+=("$2"); shift ;;
      --timeout) seconds=$2; shift ;;
      --) shift; break ;;
      --*) fail "unknown option $1" ;;
      *) break ;;
    esac
    shift
  done
  (($#)) || fail "run needs a command"
  make_vm
  if [[ $root == forky ]]; then
    make_forky
    root=$forky
  fi
  if [[ -n $root ]]; then root=$(realpath "$root"); fi
  local modules
  modules=$(modules_of "$drm")
  mkdir "$work/control"
  {
    printf 'vm_root=%q\nvm_results=%q\n' "$root" "$results"
    printf 'vm_modules=%q\n' "$modules"
  } > "$work/control/settings"
  write_command "$@" > "$work/control/command"

  local devices=(
    -fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
    -device virtio-9p-pci,fsdev=root,mount_tag=hostroot
    -fsdev "local,id=control,path=$work/control,security_model=none"
    -device virtio-9p-pci,fsdev=control,mount_tag=control
  )
  if [[ -n $results ]]; then
    mkdir -p "$results"
    devices+=(-fsdev "local,id=results,path=$(realpath "$results"),security_model=none"
      -device virtio-9p-pci,fsdev=results,mount_tag=results)
  fi
  if [[ +$drm+ == *+virtio-gpu+* ]]; then devices+=(-device virtio-gpu-pci); fi
  local boots code
  for ((boots = 1; ; ++boots)); do
    # In the background, so that a signal to this script reaches the trap at once.
    timeout "$seconds" qemu-system-x86_64 -accel "${LUMEN_VM_ACCEL:-tcg,thread=multi}" -cpu max \
      -smp 2 -m "${LUMEN_VM_MEMORY:-4G}" -display none -monitor none -no-reboot -nodefaults \
      -kernel "$vm/vmlinuz" -initrd "$vm/initrd" -append 'console=ttyS0 quiet panic=-1' \
      -serial "file:$work/console" -chardev stdio,id=output,signal=off -serial chardev:output \
      -device virtio-rng-pci "${devices[@]}" < /dev/null &
    qemu_pid=$!
    code=0
    wait "$qemu_pid" || code=$?
    qemu_pid=""
    if [[ -s $work/control/exit-code ]]; then
      exit "$(cat "$work/control/exit-code")"
    fi
    if ((boots == 3)) || ! tripped_at_boot "$work/console"; then break; fi
    printf 'tools/vm.sh: the kernel tripped over its own patching while it booted: once more\n' >&2
  done
  tail -30 "$work/console" >&2
  ((code == 124)) && { printf 'tools/vm.sh: stopped after %s s\n' "$seconds" >&2; exit 124; }
  fail "the virtual machine ended without a result (QEMU: $code)"
}

clean_up() {
  if [[ -n $qemu_pid ]]; then kill "$qemu_pid" 2> /dev/null || true; fi
  if [[ -n $work ]]; then rm -rf --one-file-system "$work"; fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
work=$(mktemp -d "${TMPDIR:-/tmp}/lumen-vm.XXXXXX")

case ${1:-} in
  make)
    make_vm
    [[ ${2:-} != --forky ]] || make_forky
    ;;
  run) shift; run "$@" ;;
  path)
    case ${2:-} in
      mesa) make_vm; printf '%s\n' "$vm/mesa" ;;
      forky) make_forky; printf '%s\n' "$forky" ;;
      *) fail "path of what?" ;;
    esac
    ;;
  have)
    case ${2:-} in
      vm) [[ -e $vm/.complete ]] && command -v qemu-system-x86_64 > /dev/null ;;
      forky) [[ -e $forky/.complete ]] ;;
      *) fail "have what?" ;;
    esac
    ;;
  *) sed -n '2,27s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
