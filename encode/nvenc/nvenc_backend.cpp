#include "encode/nvenc/nvenc_backend.h"

#include "encode/nvenc/cuda_device.h"
#include "encode/nvenc/nvenc_encoder.h"
#include "zerocopy/cuda/gpu.h"

namespace lumen::nvenc {

Result<void> check(Codec codec) {
  if (auto driver = cuda::check_driver(); !driver) return driver;
  if (auto known = guid_of(codec); !known) return tl::unexpected(std::move(known.error()));
  auto driver = load_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  return {};
}

Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                             const EncoderDevice& device,
                                             EncodedFrameCallback callback) {
  if (device.gpu == nullptr) return fail(ErrorKind::kUnsupported, "no GPU was given");
  auto driver = load_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  auto context = device.gpu->context();
  if (!context) return tl::unexpected(std::move(context.error()));
  auto cuda = CudaDevice::create(*context);
  if (!cuda) return tl::unexpected(std::move(cuda.error()));
  return NvencEncoder::create(std::move(*driver), std::move(*cuda), settings, std::move(callback));
}

}  // namespace lumen::nvenc
