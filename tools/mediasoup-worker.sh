#!/usr/bin/env bash
# mediasoup with a worker built from its npm package's own sources, against Debian's libraries: what npm
# downloads otherwise is a binary, or a build that fetches ten more source packages.
#
#   tools/mediasoup-worker.sh make     makes it (some five minutes on two cores), or does nothing where it
#                                      is current
#   tools/mediasoup-worker.sh env      prints what a shell needs to run tools/examples/mediasoup with it:
#                                      NODE_PATH and MEDIASOUP_WORKER_BIN; fails where it was not made
#
# It lies in $XDG_CACHE_HOME/lumen and is made again when its recipe (this file, the example's
# package.json) changes. Packages: packages_mediasoup, and Node 20 or newer with npm.
set -euo pipefail

tool_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lumen
package=$tool_dir/examples/mediasoup/package.json
recipe=$(cat "${BASH_SOURCE[0]}" "$package" | sha256sum | cut -c1-12)
place=$cache/mediasoup-$recipe

fail() {
  printf 'tools/mediasoup-worker.sh: %s\n' "$*" >&2
  exit 1
}

# subproject NAME LANGUAGES < meson.build: takes the place of a wrap, which would be downloaded.
subproject() {
  mkdir -p "subprojects/$1"
  { printf "project('%s', ['c', 'cpp'])\n" "$1"; cat; } > "subprojects/$1/meson.build"
}

# option SUBPROJECT NAME TYPE: one that the worker's meson.build sets.
option() {
  printf "option('%s', type: '%s')\n" "$2" "$3" >> "subprojects/$1/meson_options.txt"
}

system_libraries() {
  rm -f subprojects/*.wrap
  subproject openssl <<< "openssl_dep = dependency('openssl')
libcrypto_lib = []
libssl_lib = []"
  subproject libuv <<< "libuv_dep = dependency('libuv')
libuv = []"
  option libuv build_tests boolean
  option libuv build_benchmarks boolean
  subproject usrsctp <<< "usrsctp_dep = dependency('usrsctp')
usrsctp = []"
  option usrsctp sctp_build_programs boolean
  subproject abseil-cpp <<< "absl_container_dep = [dependency('absl_flat_hash_map'),
  dependency('absl_flat_hash_set'), dependency('absl_btree'), dependency('absl_inlined_vector')]
absl_strings_dep = dependency('absl_strings')
absl_types_dep = [dependency('absl_optional'), dependency('absl_memory')]
absl_container_lib = []"
  subproject catch2 <<< "catch2_dep = declare_dependency()"
  subproject flatbuffers <<< "flatbuffers_dep = dependency('flatbuffers')
flatbuffers_lib = []"
  subproject libsrtp3 <<< "libsrtp3_dep = declare_dependency(include_directories: include_directories('.'),
  dependencies: dependency('libsrtp2'))
libsrtp3 = []"
  option libsrtp3 crypto-library string
  option libsrtp3 crypto-library-kdf string
  option libsrtp3 tests string
  srtp3_header > subprojects/libsrtp3/srtp.h
}

# libsrtp3 writes its result elsewhere than it reads from; libsrtp2 works in place.
srtp3_header() {
  cat << 'HEADER'
#pragma once
#include <srtp2/srtp.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define srtp_err_status_buffer_small static_cast<srtp_err_status_t>(28)
#define srtp_err_status_cryptex_err static_cast<srtp_err_status_t>(29)

namespace srtp3 {

using InPlace = srtp_err_status_t (*)(srtp_t, void*, int*);

inline srtp_err_status_t apply(InPlace function, srtp_t session, const std::uint8_t* in,
                               std::size_t bytes, std::uint8_t* out, std::size_t* out_bytes,
                               std::size_t room) {
  if (*out_bytes < bytes + room) return srtp_err_status_buffer_small;
  if (out != in) std::memmove(out, in, bytes);
  int length = static_cast<int>(bytes);
  const auto status = function(session, out, &length);
  *out_bytes = static_cast<std::size_t>(length);
  return status;
}

}  // namespace srtp3

inline srtp_err_status_t srtp_protect(srtp_t s, const std::uint8_t* in, std::size_t n,
                                      std::uint8_t* out, std::size_t* m, std::size_t) {
  return srtp3::apply(static_cast<srtp3::InPlace>(::srtp_protect), s, in, n, out, m, SRTP_MAX_TRAILER_LEN);
}
inline srtp_err_status_t srtp_protect_rtcp(srtp_t s, const std::uint8_t* in, std::size_t n,
                                           std::uint8_t* out, std::size_t* m, std::size_t) {
  return srtp3::apply(static_cast<srtp3::InPlace>(::srtp_protect_rtcp), s, in, n, out, m, SRTP_MAX_TRAILER_LEN);
}
inline srtp_err_status_t srtp_unprotect(srtp_t s, const std::uint8_t* in, std::size_t n,
                                        std::uint8_t* out, std::size_t* m) {
  return srtp3::apply(static_cast<srtp3::InPlace>(::srtp_unprotect), s, in, n, out, m, 0);
}
inline srtp_err_status_t srtp_unprotect_rtcp(srtp_t s, const std::uint8_t* in, std::size_t n,
                                             std::uint8_t* out, std::size_t* m) {
  return srtp3::apply(static_cast<srtp3::InPlace>(::srtp_unprotect_rtcp), s, in, n, out, m, 0);
}
inline srtp_err_status_t srtp_stream_remove(srtp_t session, std::uint32_t ssrc) {
  return srtp_remove_stream(session, ssrc);
}
HEADER
}

make_worker() (
  [[ -e $place/.complete ]] && exit
  for tool in node npm meson ninja flatc; do
    command -v "$tool" > /dev/null || fail "there is no $tool"
  done
  (($(node -p 'process.versions.node.split(".")[0]') >= 20)) || fail "needs Node 20 or newer"
  mkdir -p "$cache"
  # One maker at a time.
  exec 9> "$cache/mediasoup.lock"
  flock 9
  [[ -e $place/.complete ]] && exit
  printf 'making mediasoup in %s (some five minutes)\n' "$place"
  rm -rf "$cache"/mediasoup-*/
  mkdir -p "$place"
  cp "$package" "$place/"
  cd "$place"
  npm install --ignore-scripts --no-audit --no-fund
  cp -r node_modules/mediasoup/worker "$place/build"
  cd "$place/build"
  system_libraries
  sed -i "s/meson_version: '>= [0-9.]*'/meson_version: '>= 1.0.0'/" meson.build
  # OpenSSL with kTLS sends more controls through the BIO than a return: what they answer must pass, else
  # libssl writes to a buffer that it never made.
  sed -i 's/(operationType == BIO_CB_RETURN)/(operationType \& BIO_CB_RETURN)/' src/RTC/DtlsTransport.cpp
  meson setup --buildtype release -Db_ndebug=true -Dms_disable_liburing=true out .
  # The generated headers come first: meson's file does not say who needs them.
  ninja -C out fbs/FBS
  nice ninja -C out -j "${LUMEN_JOBS:-$(nproc)}" mediasoup-worker
  cp out/mediasoup-worker "$place/"
  cd "$place"
  rm -rf build
  touch .complete
)

case ${1-} in
  make) make_worker ;;
  env)
    [[ -e $place/.complete ]] || fail "mediasoup was not made: tools/mediasoup-worker.sh make"
    printf 'export NODE_PATH=%q MEDIASOUP_WORKER_BIN=%q\n' "$place/node_modules" "$place/mediasoup-worker"
    ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
