// What an importer makes and an encoder takes. No payload exposes a dmabuf, so no encoder can ever
// see one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <variant>

#include "core/color.h"
#include "core/damage.h"
#include "core/frame_times.h"
#include "core/geometry.h"
#include "core/pixel_format.h"

struct ID3D11Texture2D;  // d3d11.h, on Windows

namespace lumen {

/// Where an encoder reads its input.
enum class FrameMemory : std::uint8_t { kHost, kCuda, kD3d11 };

/// A picture in host memory from a pool. Copying the struct shares the pixels; the memory goes back
/// to its pool when the last copy is dropped, on any thread. Whoever makes it writes it; from then
/// on it is read-only.
struct CpuImage {
  std::shared_ptr<std::uint8_t> memory;  // owns everything the planes point at
  Fourcc format = Fourcc::kNone;         // YUV of any kind
  std::array<std::uint8_t*, 3> planes{};
  std::array<Pitch, 3> pitches{};
};

namespace cuda {
class Context;
}

/// A picture in GPU memory that CUDA addresses. Copying the struct shares the pixels; from the
/// importer on they are read-only.
///
/// The pixels are there for work queued on `context`'s stream; anyone else first waits for that
/// stream's work. When the last copy is dropped (any thread) the memory is used again by later work
/// on that stream: a reader on another stream must be done by then.
struct CudaBuffer {
  std::shared_ptr<void> memory;  // the right to what the planes point at
  /// Keeps the allocation and its addresses valid, but not the pixels: the pool may hand it out
  /// again. For whoever registered the memory with another API and must undo that before it is
  /// freed; its use_count() is 1 once nobody else can give it out any more.
  std::shared_ptr<void> allocation;
  std::shared_ptr<const cuda::Context> context;
  Fourcc format = Fourcc::kNone;          // YUV or packed RGB; planes follow each other
  std::array<std::uint64_t, 3> planes{};  // CUdeviceptr
  std::array<Pitch, 3> pitches{};
};

/// A picture of packed RGB where the producer drew it, as CUDA sees it: nothing was copied. Copying
/// the struct shares the pixels, which are there for work queued on `context`'s stream.
///
/// When the last copy is dropped (any thread) the producer may draw into it again: a reader must be
/// done by then. Hold few: a producer has two to four buffers.
struct CudaArray {
  std::shared_ptr<void> memory;      // the right to the pixels: the producer's lease
  std::shared_ptr<void> allocation;  // keeps the array; see CudaBuffer::allocation. Dropped by
                                     // the thread that imports, with the context current
  std::shared_ptr<const cuda::Context> context;
  Fourcc format = Fourcc::kNone;
  void* array = nullptr;  // CUarray
};

/// A picture in a Direct3D 11 texture without mipmaps or array slices (Windows). Copying the struct
/// shares the pixels; from the importer on they are read-only.
///
/// The pixels are there for work that is given to the immediate context of the texture's device
/// after it. When the last copy is dropped (any thread) the texture is used again by later work on
/// that context.
struct D3d11Texture {
  std::shared_ptr<void> memory;  // the right to the pixels
  /// Owns a COM reference; keeps the texture, not the pixels: see CudaBuffer::allocation.
  std::shared_ptr<ID3D11Texture2D> texture;
  Fourcc format = Fourcc::kNone;  // kBGRx, kBGRA (DXGI_FORMAT_B8G8R8A8_UNORM) or kNV12
};

using FramePayload = std::variant<CpuImage, CudaBuffer, CudaArray, D3d11Texture>;

struct Frame {
  FramePayload payload;
  Extent size;  // both sides even
  ColorDescription color;
  FrameTimes times;
  /// What differs from the frame that was given to the encoder before this one, in this frame's
  /// coordinates; everything else is the same to the bit.
  Damage damage;
};

}  // namespace lumen
