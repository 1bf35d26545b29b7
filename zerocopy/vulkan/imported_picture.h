// One producer buffer as Vulkan has it: a buffer for LINEAR pixels, an image for tiled ones.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/vulkan/cuda_mapping.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/memory.h"

namespace lumen::vulkan {

inline constexpr std::uint32_t kPixelBytes = 4;  // of every format that the route imports

/// Where a picture lies in a producer's memory, checked against the memory's size.
struct PictureLayout {
  Fourcc format = Fourcc::kNone;
  Modifier modifier;
  Extent size;
  PlaneLayout plane;

  /// Errors: kFormatRejected: not one plane of 32-bit RGB pixels, or rows outside the memory.
  static Result<PictureLayout> of(const CapturedFrame& frame, const DmaBufImage& image);

  /// From the first byte of the first pixel to the last of the last. LINEAR only.
  [[nodiscard]] std::uint64_t span_bytes() const {
    return std::uint64_t{plane.pitch.bytes} * (size.height - 1) + std::uint64_t{size.width} * 4;
  }
};

/// The producer's memory, not a copy: the producer may write to it again once it has its buffer
/// back. Destroy it when the GPU is done with it. Encode thread.
class ImportedPicture {
 public:
  /// Copied from with a command buffer. Errors: kFormatRejected, kDeviceLost.
  static Result<ImportedPicture> create(const Device& device, const PictureLayout& layout,
                                        const ForeignMemory& memory);

  /// LINEAR memory that CUDA reads in place. The CUDA context must be current. Errors: as above,
  /// and kUnsupported where Vulkan or CUDA refuses after all.
  static Result<ImportedPicture> create_in_place(const Device& device,
                                                 std::shared_ptr<const cuda::Context> context,
                                                 const PictureLayout& layout,
                                                 const ForeignMemory& memory);

  [[nodiscard]] const PictureLayout& layout() const { return layout_; }
  [[nodiscard]] VkBuffer buffer() const { return buffer_.borrow(); }  // null: it is an image
  [[nodiscard]] VkImage image() const { return image_.borrow(); }

  /// Of the first pixel; 0 unless made by create_in_place().
  [[nodiscard]] CUdeviceptr address() const {
    return mapping_.address() == 0 ? 0 : mapping_.address() + layout_.plane.offset_bytes;
  }

 private:
  explicit ImportedPicture(const PictureLayout& layout) : layout_(layout) {}
  Result<void> import_as_buffer(const Device& device, const ForeignMemory& memory,
                                VkExternalMemoryHandleTypeFlags export_too);
  Result<void> import_as_image(const Device& device, const ForeignMemory& memory);

  PictureLayout layout_;
  Memory memory_;  // after the resources that use it are gone
  Buffer buffer_;
  Image image_;
  CudaMapping mapping_;
};

}  // namespace lumen::vulkan
