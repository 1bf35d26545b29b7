// Real dmabufs with a known picture, which prove an import route before a producer's pixels depend
// on it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "capture/captured_frame.h"
#include "capture/dmabuf_memory.h"
#include "core/error.h"
#include "zerocopy/cuda/context.h"

namespace lumen::selftest {

/// Somebody who can make dmabufs on this machine. One thread.
class SampleMaker {
 public:
  virtual ~SampleMaker() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;  // "Vulkan", "udmabuf"
  /// Whether make() may succeed with it.
  [[nodiscard]] virtual bool can_make(Fourcc format, Modifier modifier) const = 0;
  /// A frame of 32-bit pixels as they shall lie in memory, row by row; its lease is empty.
  virtual Result<CapturedFrame> make(Fourcc format, Modifier modifier, Extent size,
                                     std::span<const std::uint32_t> pixels) = 0;
};

/// Those that work here, the GPU's own first; may be empty. Reasons of the others are added to
/// `reasons`, one line each.
std::vector<std::unique_ptr<SampleMaker>> make_sample_makers(const cuda::DeviceInfo& device,
                                                             std::vector<std::string>& reasons);

/// The frame of a picture that lies in one plane of `memory`.
Result<CapturedFrame> make_sample_frame(Result<DmaBufMemory> memory, Fourcc format,
                                        Modifier modifier, Extent size, PlaneLayout plane);

/// Every pixel differs from its neighbours, in every byte and bit.
std::vector<std::uint32_t> sample_pixels(Extent size);

}  // namespace lumen::selftest
