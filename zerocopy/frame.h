// What an importer makes and an encoder takes. No payload exposes a dmabuf, so no encoder can ever
// see one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <variant>

#include "core/color.h"
#include "core/frame_times.h"
#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen {

/// A picture in host memory from a pool. Copying the struct shares the pixels; the memory goes back
/// to its pool when the last copy is dropped, on any thread. Whoever makes it writes it; from then
/// on it is read-only.
struct CpuImage {
  std::shared_ptr<std::uint8_t> memory;  // owns everything the planes point at
  Fourcc format = Fourcc::kNone;         // kNV12 or kI420
  std::array<std::uint8_t*, 3> planes{};
  std::array<Pitch, 3> pitches{};
};

/// CudaBuffer, CudaArray and D3d11Texture join here with their backends.
using FramePayload = std::variant<CpuImage>;

struct Frame {
  FramePayload payload;
  Extent size;  // both sides even
  ColorDescription color;
  FrameTimes times;
};

}  // namespace lumen
