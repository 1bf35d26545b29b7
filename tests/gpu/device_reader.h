// A route for tests: the picture lies in GPU memory of our own, pitched or as an array.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "zerocopy/cuda/buffer_pool.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/cuda/texture.h"

namespace lumen::test {

enum class Lies { kPitched, kArray };

class DeviceReader final : public cuda::PictureReader {
 public:
  /// The context must be current.
  DeviceReader(std::shared_ptr<const cuda::Context> context, Lies lies, Extent size)
      : context_(std::move(context)), lies_(lies), size_(size) {
    const cuda::Driver& cuda = context_->driver();
    if (lies == Lies::kArray) {
      CUDA_ARRAY3D_DESCRIPTOR description{};
      description.Width = size.width;
      description.Height = size.height;
      description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
      description.NumChannels = 4;
      cuda.cuArray3DCreate(&array_, &description);
      texture_ = std::move(*cuda::Texture::create(*context_, array_));
    } else {
      pool_ = std::move(*cuda::BufferPool::create(context_, Fourcc::kBGRx, size, 1));
      memory_ = *pool_->acquire();
    }
  }
  ~DeviceReader() override {
    (void)context_->synchronize();
    texture_ = {};
    if (array_ != nullptr) context_->driver().cuArrayDestroy(array_);
  }

  /// Uploads `pixels` (tightly packed) and waits.
  Result<void> draw(const std::vector<std::uint8_t>& pixels) {
    CUDA_MEMCPY2D region{};
    region.srcMemoryType = CU_MEMORYTYPE_HOST;
    region.srcHost = pixels.data();
    region.srcPitch = std::size_t{size_.width} * 4;
    region.WidthInBytes = region.srcPitch;
    region.Height = size_.height;
    if (array_ != nullptr) {
      region.dstMemoryType = CU_MEMORYTYPE_ARRAY;
      region.dstArray = array_;
    } else {
      region.dstMemoryType = CU_MEMORYTYPE_DEVICE;
      region.dstDevice = memory_.planes[0];
      region.dstPitch = memory_.pitches[0].bytes;
    }
    const cuda::Driver& cuda = context_->driver();
    return cuda.check(cuda.cuMemcpy2DAsync(&region, context_->stream()), "upload").and_then([&] {
      return context_->synchronize();
    });
  }

  [[nodiscard]] std::string_view name() const override { return "device"; }
  [[nodiscard]] std::vector<FormatOffer> offers() const override {
    return {{Fourcc::kBGRx, {kModifierLinear}}};
  }
  Result<cuda::DevicePicture> open(const CapturedFrame& frame) override {
    cuda::DevicePicture picture;
    picture.array = array_;
    picture.texture = texture_.object();
    picture.address = memory_.planes[0];
    picture.pitch = memory_.pitches[0];
    picture.format = frame.format;
    picture.size = size_;
    return picture;
  }
  Result<void> close() override { return {}; }

 private:
  std::shared_ptr<const cuda::Context> context_;
  Lies lies_;
  Extent size_;
  CUarray array_ = nullptr;
  cuda::Texture texture_;
  std::unique_ptr<cuda::BufferPool> pool_;
  CudaBuffer memory_;
};

}  // namespace lumen::test
