// What a capture source hands on: pixels that still belong to the producer, what they mean, and the
// lease that gives the producer's buffer back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <variant>

#include "capture/cursor.h"
#include "core/color.h"
#include "core/damage.h"
#include "core/frame_times.h"
#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen {

/// Where a lease's buffer goes back to. give_back() may be called on any thread and must not block.
class LeaseReturn {
 public:
  virtual ~LeaseReturn() = default;
  virtual void give_back(std::uint64_t token) noexcept = 0;
};

/// Right to read one producer buffer. Move-only; gives the buffer back exactly once, when dropped,
/// on any thread. May outlive the buffer's removal and the source itself.
class BufferLease {
 public:
  BufferLease() = default;
  BufferLease(std::shared_ptr<LeaseReturn> to, std::uint64_t token)
      : to_(std::move(to)), token_(token) {}
  BufferLease(BufferLease&& other) noexcept : to_(std::move(other.to_)), token_(other.token_) {}
  BufferLease& operator=(BufferLease&& other) noexcept {
    if (this != &other) {
      drop();
      to_ = std::move(other.to_);
      token_ = other.token_;
    }
    return *this;
  }
  ~BufferLease() { drop(); }

  void drop() noexcept {
    if (const auto to = std::exchange(to_, nullptr)) to->give_back(token_);
  }
  [[nodiscard]] explicit operator bool() const { return to_ != nullptr; }

 private:
  std::shared_ptr<LeaseReturn> to_;
  std::uint64_t token_ = 0;
};

/// Producer memory that the CPU can read: a mapped memfd, or a pointer of the producer's library.
///
/// It may be revoked (the producer removed the buffer); what is being read at that moment stays
/// readable until the ReadScope ends, later reads find nothing.
class HostMemory {
 public:
  /// Open window on the memory. Empty bytes() means that the memory was revoked: skip the frame.
  class ReadScope {
   public:
    ReadScope() = default;
    ReadScope(HostMemory* memory, std::span<const std::byte> bytes)
        : memory_(memory), bytes_(bytes) {}
    ReadScope(ReadScope&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_) {}
    ReadScope& operator=(ReadScope&&) = delete;
    ~ReadScope() {
      if (memory_ != nullptr) memory_->end_read();
    }
    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

   private:
    HostMemory* memory_ = nullptr;
    std::span<const std::byte> bytes_;
  };

  virtual ~HostMemory() = default;
  /// Any thread; the memory must outlive the scope.
  [[nodiscard]] virtual ReadScope read() = 0;

 protected:
  virtual void end_read() noexcept = 0;
};

class DmaBufMemory;  // capture/dmabuf_memory.h: Linux only

struct PlaneLayout {
  std::uint32_t offset_bytes = 0;  // from the start of the memory (ShmImage) or the plane's fd
  Pitch pitch;

  friend bool operator==(const PlaneLayout&, const PlaneLayout&) = default;
};

/// All planes lie in one block of host memory. The source has checked that every row of every plane
/// lies inside it at the moment of capture; the importer checks again against ReadScope::bytes().
struct ShmImage {
  std::shared_ptr<HostMemory> memory;
  std::array<PlaneLayout, 4> planes{};
};

/// Planes lie in dmabufs. Pixels may be tiled: only an importer that understands the modifier may
/// look at them.
struct DmaBufImage {
  std::shared_ptr<const DmaBufMemory> memory;  // one object per producer buffer: the cache key
  Modifier modifier = kModifierLinear;
  unsigned plane_count = 0;
  std::array<PlaneLayout, 4> planes{};
};

class SyncTimeline;  // platform/linux/drm_syncobj.h: Linux only

/// Explicit sync: the pixels are there once this point is signalled, and only then may be read. For
/// each importer to wait for, on the GPU where it can. Empty where the producer syncs otherwise.
struct AcquirePoint {
  std::shared_ptr<SyncTimeline> timeline;
  std::uint64_t point = 0;

  [[nodiscard]] explicit operator bool() const { return timeline != nullptr; }
};

/// The picture is the one before: only the cursor is news. Such a frame has no lease and no damage.
struct SamePicture {};

struct CapturedFrame {
  std::variant<ShmImage, DmaBufImage, SamePicture> image;
  Fourcc format = Fourcc::kNone;
  Extent size;             // of the whole buffer
  Rect crop;               // the visible part; always inside size, never empty
  ColorDescription color;  // of the pixels as they lie; matrix and range matter for YUV only
  FrameTimes times;        // id, kProduced and kDequeued are set
  AcquirePoint acquire;
  /// What differs from the frame that the source handed on before this one, in buffer coordinates.
  Damage damage;
  /// To be drawn on the picture: as it is now, whatever the frames before had.
  Cursor cursor;
  BufferLease lease;

  [[nodiscard]] bool has_picture() const { return !std::holds_alternative<SamePicture>(image); }
};

}  // namespace lumen
