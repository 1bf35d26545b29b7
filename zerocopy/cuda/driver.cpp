#include "zerocopy/cuda/driver.h"

#include <utility>

#include <fmt/format.h>

#include "platform/dynamic_library.h"

namespace lumen::cuda {
namespace {

// External memory, host functions and primary contexts as used here came with CUDA 10; ffnvcodec's
// and our structures are those of 11.0.
constexpr int kOldestVersion = 11000;

ErrorKind kind_of(int code) {
  switch (code) {
    case kErrorOutOfMemory: return ErrorKind::kIo;
    case kErrorDeinitialized:
    case kErrorEccUncorrectable:
    case kErrorInvalidContext:
    case kErrorIllegalAddress:
    case kErrorLaunchTimeout:
    case kErrorContextIsDestroyed:
    case kErrorLaunchFailed: return ErrorKind::kDeviceLost;
    default: return ErrorKind::kUnsupported;
  }
}

std::string hint_of(int code) {
  switch (code) {
    case kErrorNoDevice:
      return "the NVIDIA driver sees no GPU: is it hidden by CUDA_VISIBLE_DEVICES, or a container?";
    case kErrorSystemDriverMismatch:
      return "driver library and kernel module differ: restart after the driver update";
    case kErrorSystemNotReady: return "start nvidia-fabricmanager, or restart";
    case kErrorOutOfMemory: return "GPU memory is used up: close other programs or stream smaller";
    default: return {};
  }
}

template <typename Function>
void find(const DynamicLibrary& library, Function*& member, const char* name) {
  member = reinterpret_cast<Function*>(find_symbol(library, name));
}

}  // namespace

Result<void> Driver::check(CUresult result, std::string_view call) const {
  const int code = static_cast<int>(result);
  if (code == 0) return {};
  const char* name = nullptr;
  if (cuGetErrorName == nullptr || cuGetErrorName(result, &name) != CUDA_SUCCESS) name = nullptr;
  Error error;
  error.kind = kind_of(code);
  error.message = name != nullptr ? fmt::format("{}: {}", call, name)
                                  : fmt::format("{}: CUDA error {}", call, code);
  error.hint = hint_of(code);
  error.domain = "cuda";
  error.code = code;
  return tl::unexpected(std::move(error));
}

Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname) {
  auto library = load_library(soname);
  if (!library) {
    Error error = std::move(library.error());
    error.message = "no NVIDIA driver: " + error.message;
    error.hint = "on a machine with an NVIDIA GPU install its driver's CUDA library";
    return tl::unexpected(std::move(error));
  }
  auto driver = std::make_shared<Driver>();
#define LUMEN_CUDA_FIND(member, type, name) find(*library, driver->member, name);
  LUMEN_CUDA_REQUIRED(LUMEN_CUDA_FIND)
  LUMEN_CUDA_OPTIONAL(LUMEN_CUDA_FIND)
#undef LUMEN_CUDA_FIND
  const char* missing = nullptr;
#define LUMEN_CUDA_MISSING(member, type, name) \
  if (driver->member == nullptr && missing == nullptr) missing = name;
  LUMEN_CUDA_REQUIRED(LUMEN_CUDA_MISSING)
#undef LUMEN_CUDA_MISSING
  if (missing != nullptr) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the NVIDIA driver is too old: {} has no {}", soname, missing),
                "install driver 450 or newer");
  }
  if (auto got = driver->check(driver->cuDriverGetVersion(&driver->version), "cuDriverGetVersion");
      !got) {
    return tl::unexpected(std::move(got.error()));
  }
  if (driver->version < kOldestVersion) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the NVIDIA driver is too old: it has CUDA {}.{}",
                            driver->version / 1000, driver->version % 1000 / 10),
                "install driver 450 or newer, with CUDA 11.0");
  }
  if (auto ready = driver->check(driver->cuInit(0), "cuInit"); !ready) {
    return with_context("CUDA can't start", std::move(ready.error()));
  }
  auto owner = std::make_shared<DynamicLibrary>(std::move(*library));
  driver->library = std::move(owner);
  return driver;
}

}  // namespace lumen::cuda
