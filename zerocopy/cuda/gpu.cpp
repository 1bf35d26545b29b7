#include "zerocopy/cuda/gpu.h"

#include <algorithm>
#include <filesystem>

#include "platform/dynamic_library.h"

namespace lumen::cuda {
namespace {

bool has_drm_node(const DeviceInfo& device) {
  std::error_code ignored;
  return std::filesystem::exists("/sys/bus/pci/devices/" + device.pci_bus_id + "/drm", ignored);
}

Result<std::shared_ptr<const Context>> open_gpu() {
  auto driver = load_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  auto devices = list_devices(**driver);
  if (!devices) return tl::unexpected(std::move(devices.error()));
  auto chosen = std::ranges::find_if(*devices, has_drm_node);
  if (chosen == devices->end()) chosen = devices->begin();
  auto context = Context::create(*driver, *chosen);
  if (!context) return with_context(chosen->name, std::move(context.error()));
  return std::shared_ptr<const Context>(std::move(*context));
}

}  // namespace

Result<std::shared_ptr<const Context>> Gpu::context() {
  if (!context_) context_ = open_gpu();
  return *context_;
}

bool Gpu::usable() const {
  if (!context_ || !*context_) return true;
  const Context& context = ***context_;
  const auto current = context.make_current();
  if (!current) return false;
  // Tells of the errors of earlier work, too.
  const CUresult state = context.driver().cuStreamQuery(context.stream());
  return state == CUDA_SUCCESS || static_cast<int>(state) == kErrorNotReady;
}

Result<void> check_driver() {
  auto library = load_library("libcuda.so.1");
  if (!library) {
    return fail(ErrorKind::kUnsupported, "no NVIDIA driver (libcuda.so.1 is not installed)",
                "on a machine with an NVIDIA GPU install its driver");
  }
  return {};
}

}  // namespace lumen::cuda
