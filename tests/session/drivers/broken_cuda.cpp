// A libcuda.so.1 that loads well and then crashes or hangs in cuInit, as a broken driver may:
// LUMEN_TEST_CUINIT is "crash", "abort" or "hang"; anything else: CUDA_ERROR_UNKNOWN.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

#include "zerocopy/cuda/driver.h"

namespace {

constexpr int kVersion = 12040;

int answer(std::string_view function, void* first_argument) {
  if (function == "cuDriverGetVersion") {
    *static_cast<int*>(first_argument) = kVersion;
    return 0;
  }
  const char* const wish = std::getenv("LUMEN_TEST_CUINIT");
  if (function != "cuInit" || wish == nullptr) return lumen::cuda::kErrorUnknown;
  if (std::string_view(wish) == "crash") std::raise(SIGSEGV);
  if (std::string_view(wish) == "abort") std::abort();
  if (std::string_view(wish) == "hang") {
    std::puts("libcuda: a driver's chatter on standard output");
    std::fflush(stdout);
    for (;;) ::pause();
  }
  return lumen::cuda::kErrorUnknown;
}

}  // namespace

// Only what load_driver() looks up; none of the parameters but the first is looked at.
#define LUMEN_BROKEN(member, type, name)               \
  extern "C" int broken_##member(void*) __asm__(name); \
  extern "C" int broken_##member(void* first) { return answer(name, first); }
LUMEN_CUDA_REQUIRED(LUMEN_BROKEN)
