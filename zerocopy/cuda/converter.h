// Runs the conversion kernels: crop, scale, bars and colour in the one pass that moves the picture
// into encoder input.
#pragma once

#include <memory>

#include "core/color.h"
#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/frame.h"

namespace lumen::cuda {

/// The context must be current in every call and at destruction.
class Converter {
 public:
  /// Compiles the PTX for this GPU (the driver caches the result on disk).
  static Result<std::unique_ptr<Converter>> create(std::shared_ptr<const Context> context);
  Converter(const Converter&) = delete;
  ~Converter();

  /// Queues the conversion of the visible part into `target` (of `size`). Packed targets of the
  /// same size are copied without a kernel where the byte order allows it.
  /// Errors: kInvalidArgument; as Driver::check().
  Result<void> convert(const DevicePicture& picture, const Rect& visible, const CudaBuffer& target,
                       Extent size, const ColorDescription& color);

 private:
  explicit Converter(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  Result<void> copy(const DevicePicture& picture, const Rect& visible, const CudaBuffer& target);

  std::shared_ptr<const Context> context_;
  CUmodule module_ = nullptr;
  CUfunction to_yuv_ = nullptr;
  CUfunction to_yuv_ten_ = nullptr;
  CUfunction to_packed_ = nullptr;
};

}  // namespace lumen::cuda
