// Turns a captured frame into encoder input by one route (CPU conversion, EGL, Vulkan, …).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "capture/capture_source.h"
#include "core/error.h"
#include "zerocopy/frame.h"
#include "zerocopy/recycling_pool.h"

namespace lumen {

/// What the encoder wants. A source of another size is scaled into it, keeping its aspect ratio,
/// with black bars around it.
struct ImportTarget {
  Extent size;  // both sides even
  /// YUV, which every route makes; in CUDA memory packed RGB too, in the place of which a CPU route
  /// makes `converted`.
  Fourcc format = Fourcc::kNV12;
  Fourcc converted = Fourcc::kNV12;
  FrameMemory memory = FrameMemory::kHost;
  /// Packed RGB in CUDA memory only: pictures that need no other size may be handed on where the
  /// producer drew them (CudaArray).
  bool in_place = false;
  ColorDescription color;  // of the result
};

class FrameImporter {
 public:
  virtual ~FrameImporter() = default;

  /// Formats (and modifiers) that import() takes, best first: what the source should offer.
  [[nodiscard]] virtual std::vector<FormatOffer> offers() const = 0;

  /// Sets what import() makes. May be called again between frames. A CPU route makes exactly the
  /// wanted YUV format, but in host memory whatever the target says.
  virtual Result<void> configure(const ImportTarget& target) = 0;

  /// Reads the frame and gives the producer's buffer back as soon as reading is done. Its damage
  /// counts from the frame of the call before, whatever became of that: pixels outside it need not
  /// be read. Marks kConvertBegin and kConverted. One thread at a time.
  /// Errors: kFormatRejected, renegotiate without this format or modifier; kRetry, skip this frame
  /// (its memory was revoked); kDeviceLost, next route.
  virtual Result<Frame> import(CapturedFrame captured) = 0;

  /// "cpu/shm", … what the last frame took; for status and logs. Same thread as import().
  [[nodiscard]] virtual std::string_view route() const = 0;

  /// Of the buffers that the last configure() asked for. Same thread as import().
  [[nodiscard]] virtual PoolStatus pool() const { return {}; }
};

}  // namespace lumen
