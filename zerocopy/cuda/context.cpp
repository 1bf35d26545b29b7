#include "zerocopy/cuda/context.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

namespace lumen::cuda {
namespace {

Result<DeviceInfo> describe(const Driver& driver, int ordinal) {
  CUdevice handle = 0;
  DeviceInfo info;
  info.ordinal = ordinal;
  std::array<char, 256> name{};
  std::array<char, 32> bus{};
  CUuuid uuid{};
  const auto ask = [&](CUresult result, std::string_view call) {
    return driver.check(result, call);
  };
  return ask(driver.cuDeviceGet(&handle, ordinal), "cuDeviceGet")
      .and_then([&] {
        return ask(driver.cuDeviceGetName(name.data(), static_cast<int>(name.size()), handle),
                   "cuDeviceGetName");
      })
      .and_then([&] { return ask(driver.cuDeviceGetUuid(&uuid, handle), "cuDeviceGetUuid"); })
      .and_then([&] {
        return ask(driver.cuDeviceGetPCIBusId(bus.data(), static_cast<int>(bus.size()), handle),
                   "cuDeviceGetPCIBusId");
      })
      .and_then([&] {
        return ask(driver.cuDeviceGetAttribute(
                       &info.compute_major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, handle),
                   "cuDeviceGetAttribute");
      })
      .and_then([&] {
        return ask(driver.cuDeviceGetAttribute(
                       &info.compute_minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, handle),
                   "cuDeviceGetAttribute");
      })
      .map([&] {
        info.name = name.data();
        info.pci_bus_id = bus.data();
        std::ranges::transform(info.pci_bus_id, info.pci_bus_id.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        std::ranges::transform(uuid.bytes, info.uuid.begin(),
                               [](char byte) { return static_cast<std::uint8_t>(byte); });
        return info;
      });
}

}  // namespace

std::string to_string(const Uuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", uuid[i]);
  }
  return text;
}

Result<std::vector<DeviceInfo>> list_devices(const Driver& driver) {
  int count = 0;
  if (auto counted = driver.check(driver.cuDeviceGetCount(&count), "cuDeviceGetCount"); !counted) {
    return tl::unexpected(std::move(counted.error()));
  }
  if (count == 0) return fail(ErrorKind::kUnsupported, "the NVIDIA driver sees no GPU");
  std::vector<DeviceInfo> devices;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    auto info = describe(driver, ordinal);
    if (!info) return tl::unexpected(std::move(info.error()));
    devices.push_back(std::move(*info));
  }
  return devices;
}

Result<std::shared_ptr<Context>> Context::create(std::shared_ptr<const Driver> driver,
                                                 const DeviceInfo& device) {
  std::shared_ptr<Context> self(new Context(std::move(driver), device));
  const Driver& cuda = *self->driver_;
  auto retained =
      cuda.check(cuda.cuDeviceGet(&self->handle_, device.ordinal), "cuDeviceGet").and_then([&] {
        return cuda.check(cuda.cuDevicePrimaryCtxRetain(&self->context_, self->handle_),
                          "cuDevicePrimaryCtxRetain");
      });
  if (!retained) return tl::unexpected(std::move(retained.error()));
  auto current = self->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  // Non-blocking: work in the legacy default stream, which other libraries in this process may use,
  // does not wait for ours nor ours for it.
  auto made =
      cuda.check(cuda.cuStreamCreate(&self->stream_, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  if (!made) return tl::unexpected(std::move(made.error()));
  return self;
}

Context::~Context() {
  if (context_ == nullptr) return;
  if (stream_ != nullptr) {
    if (auto current = make_current()) {
      driver_->cuStreamSynchronize(stream_);
      driver_->cuStreamDestroy(stream_);
    }
  }
  driver_->cuDevicePrimaryCtxRelease(handle_);
}

Result<Context::Current> Context::make_current() const {
  if (auto pushed = driver_->check(driver_->cuCtxPushCurrent(context_), "cuCtxPushCurrent");
      !pushed) {
    return tl::unexpected(std::move(pushed.error()));
  }
  return Current(this);
}

Context::Current::~Current() {
  if (context_ == nullptr) return;
  CUcontext popped = nullptr;
  context_->driver_->cuCtxPopCurrent(&popped);
}

Result<void> Context::synchronize() const {
  return driver_->check(driver_->cuStreamSynchronize(stream_), "cuStreamSynchronize");
}

}  // namespace lumen::cuda
