// How one route makes a producer's dmabuf readable by CUDA. EGL, Vulkan and the GL blit each
// implement it; what is done with the picture (scaling, NV12, readback) is the same for all of them
// and lives in CudaImporter.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture_source.h"
#include "core/error.h"
#include "zerocopy/cuda/context.h"

namespace lumen::cuda {

/// A picture of 32-bit pixels where CUDA can read it: either `array` and `texture`, or `address`;
/// of ten bits `address` only.
struct DevicePicture {
  CUarray array = nullptr;        // four channels of 8 bits, at least `size` large
  CUtexObject texture = 0;        // cuda::Texture over `array`, made once per array
  Extent array_size;              // of `array`
  CUdeviceptr address = 0;        // of the first pixel
  Pitch pitch;                    // of `address`
  Fourcc format = Fourcc::kNone;  // the byte order in which the pixels lie here
  Extent size;

  /// Keeps `array` or `address` valid beyond close(), not the pixels. Null: they are valid until
  /// then. Dropped like the reader itself: on its thread, with the context current.
  std::shared_ptr<void> owner;

  /// Set where the picture is a copy of the route's own and its memory may be kept: the picture
  /// stays valid and unchanged for as long as this is held. Null: it is the producer's memory, or
  /// a copy that the next open() overwrites.
  std::shared_ptr<void> keep;
};

/// Not thread-safe: made, used and destroyed on the encode thread, with the CUDA context that it
/// was made with current in every call. All of its CUDA work goes to Context::stream().
class PictureReader {
 public:
  virtual ~PictureReader() = default;  // waits for its own GPU work; the stream is idle by then

  /// "egl", "vulkan", "gl-blit".
  [[nodiscard]] virtual std::string_view name() const = 0;

  /// What the drivers behind the route tell of themselves and their versions; empty: nothing.
  [[nodiscard]] virtual std::string driver() const { return {}; }

  /// Formats with the modifiers that this route can import on this machine, best first
  /// (uncompressed tiled, then compressed, then LINEAR). Never an entry without modifiers.
  [[nodiscard]] virtual std::vector<FormatOffer> offers() const = 0;

  /// Makes the pixels of a DmaBufImage frame readable by work that is queued on the stream after
  /// this call. The first call for a buffer imports it (kept while the frame's DmaBufMemory lives);
  /// later ones allocate, register and create nothing.
  /// Errors: kFormatRejected, this modifier can't be imported here; kRetry, skip this frame;
  /// kDeviceLost, the route is dead. After an error close() is not called.
  virtual Result<DevicePicture> open(const CapturedFrame& frame) = 0;

  /// Ends what open() began, once the reading work has been queued on the stream (it may not have
  /// run yet). The producer's buffer is free when all work queued on the stream so far is done.
  virtual Result<void> close() = 0;

  /// Buffers of the producer that are imported now.
  [[nodiscard]] virtual std::size_t buffers() const { return 0; }
};

}  // namespace lumen::cuda
