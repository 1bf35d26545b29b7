// A CUDA array as something a kernel can read by pixel.
#pragma once

#include <memory>
#include <utility>

#include "core/error.h"
#include "zerocopy/cuda/context.h"

namespace lumen::cuda {

/// A texture object over an array of four 8-bit channels, read as integers without filtering. The
/// array must outlive it. The context must be current when it is made and destroyed.
class Texture {
 public:
  static Result<Texture> create(const Context& context, CUarray array) {
    CUDA_RESOURCE_DESC resource{};
    resource.resType = CU_RESOURCE_TYPE_ARRAY;
    resource.res.array.hArray = array;
    CUDA_TEXTURE_DESC description{};
    for (auto& mode : description.addressMode) mode = CU_TR_ADDRESS_MODE_CLAMP;
    description.filterMode = CU_TR_FILTER_MODE_POINT;
    description.flags = CU_TRSF_READ_AS_INTEGER;
    CUtexObject object = 0;
    const Driver& cuda = context.driver();
    auto made = cuda.check(cuda.cuTexObjectCreate(&object, &resource, &description, nullptr),
                           "cuTexObjectCreate");
    if (!made) return tl::unexpected(std::move(made.error()));
    return Texture(cuda, array, object);
  }
  Texture() = default;
  Texture(Texture&& other) noexcept
      : cuda_(other.cuda_), array_(other.array_), object_(std::exchange(other.object_, 0)) {}
  Texture& operator=(Texture&& other) noexcept {
    std::swap(cuda_, other.cuda_);
    std::swap(array_, other.array_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~Texture() {
    if (object_ != 0) cuda_->cuTexObjectDestroy(object_);
  }

  [[nodiscard]] CUtexObject object() const { return object_; }
  [[nodiscard]] CUarray array() const { return array_; }

 private:
  Texture(const Driver& cuda, CUarray array, CUtexObject object)
      : cuda_(&cuda), array_(array), object_(object) {}

  const Driver* cuda_ = nullptr;
  CUarray array_ = nullptr;
  CUtexObject object_ = 0;
};

}  // namespace lumen::cuda
