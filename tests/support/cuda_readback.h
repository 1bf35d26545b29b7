// Reads what a PictureReader made, the way an importer does: one copy on the context's stream.
#pragma once

#include <cstdint>
#include <vector>

#include "core/error.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cuda/picture_reader.h"

namespace lumen::test {

/// Pitched device memory for copies. The context must be current when it is made and destroyed.
class DeviceBuffer {
 public:
  static Result<DeviceBuffer> create(const cuda::Context& context, Extent size) {
    DeviceBuffer buffer;
    buffer.context_ = &context;
    std::size_t pitch = 0;
    auto made = context.driver().check(
        context.driver().cuMemAllocPitch(&buffer.address_, &pitch, std::size_t{size.width} * 4,
                                         size.height, 16),
        "cuMemAllocPitch");
    if (!made) return tl::unexpected(std::move(made.error()));
    buffer.pitch_ = pitch;
    return buffer;
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : context_(other.context_),
        address_(std::exchange(other.address_, 0)),
        pitch_(other.pitch_) {}
  DeviceBuffer& operator=(DeviceBuffer&&) = delete;
  ~DeviceBuffer() {
    if (address_ != 0) context_->driver().cuMemFree(address_);
  }
  [[nodiscard]] CUdeviceptr address() const { return address_; }
  [[nodiscard]] std::size_t pitch() const { return pitch_; }

 private:
  DeviceBuffer() = default;
  const cuda::Context* context_ = nullptr;
  CUdeviceptr address_ = 0;
  std::size_t pitch_ = 0;
};

/// A copy of 32-bit pixels whose source is `picture`; the destination is still to be set.
inline CUDA_MEMCPY2D copy_from(const cuda::DevicePicture& picture) {
  CUDA_MEMCPY2D copy{};
  if (picture.array != nullptr) {
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    copy.srcArray = picture.array;
  } else {
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = picture.address;
    copy.srcPitch = picture.pitch.bytes;
  }
  copy.WidthInBytes = std::size_t{picture.size.width} * 4;
  copy.Height = picture.size.height;
  return copy;
}

/// Queues a copy of the picture into `to` and returns at once.
inline Result<void> copy_to(const cuda::Context& context, const cuda::DevicePicture& picture,
                            const DeviceBuffer& to) {
  CUDA_MEMCPY2D copy = copy_from(picture);
  copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.dstDevice = to.address();
  copy.dstPitch = to.pitch();
  return context.driver().check(context.driver().cuMemcpy2DAsync(&copy, context.stream()),
                                "cuMemcpy2DAsync");
}

/// The pixels in host memory, rows without gaps. Waits for the stream.
inline Result<std::vector<std::uint32_t>> download(const cuda::Context& context,
                                                   const cuda::DevicePicture& picture) {
  std::vector<std::uint32_t> pixels(std::size_t{picture.size.width} * picture.size.height);
  CUDA_MEMCPY2D copy = copy_from(picture);
  copy.dstMemoryType = CU_MEMORYTYPE_HOST;
  copy.dstHost = pixels.data();
  copy.dstPitch = copy.WidthInBytes;
  auto queued = context.driver().check(context.driver().cuMemcpy2DAsync(&copy, context.stream()),
                                       "cuMemcpy2DAsync");
  if (!queued) return tl::unexpected(std::move(queued.error()));
  if (auto done = context.synchronize(); !done) {
    static_cast<void>(context.synchronize());  // the copy may still be queued (an injected failure)
    return tl::unexpected(std::move(done.error()));
  }
  return pixels;
}

}  // namespace lumen::test
