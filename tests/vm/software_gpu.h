// Mesa's software Vulkan, whose identity the CUDA stand-in takes.
#pragma once

#include <algorithm>
#include <string>

#include "core/error.h"
#include "zerocopy/vulkan/device.h"

namespace lumen::test {

/// As LUMEN_SIM_CUDA_UUID wants it. Errors: Vulkan's, where Mesa's is not there.
inline Result<std::string> software_gpu_uuid() {
  auto driver = vulkan::load_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  auto instance = vulkan::Instance::create(std::move(*driver));
  if (!instance) return tl::unexpected(std::move(instance.error()));
  const auto devices = (*instance)->list_devices();
  if (!devices) return tl::unexpected(devices.error());
  if (devices->empty()) return fail(ErrorKind::kUnsupported, "Vulkan has no device here");
  std::string uuid = cuda::to_string(devices->front().uuid);
  std::erase(uuid, '-');
  return uuid;
}

}  // namespace lumen::test
