// Where the pixels lie in one dequeued buffer, or why there are none. Pure, allocates nothing: it
// runs on PipeWire's data thread for every frame, and everything it reads comes from a foreign
// process.
#pragma once

#include <array>
#include <cstdint>

#include <spa/buffer/buffer.h>

#include "capture/captured_frame.h"
#include "capture/pipewire/video_format.h"

namespace lumen::pipewire {

/// What an empty chunk means. On Mutter "no new picture, only the cursor moved"; old gamescope
/// sends its real frames with size 0.
enum class EmptyChunk { kNoPicture, kIsPicture };

struct BufferLayout {
  enum class Verdict { kPicture, kCorrupted, kEmpty, kInvalid };

  Verdict verdict = Verdict::kInvalid;
  const char* reason = "";  // static text; why it is kInvalid
  std::array<PlaneLayout, 4> planes{};
  unsigned plane_count = 0;
  Rect crop;
  std::int64_t pts = -1;  // the header's; -1 where there is none
  /// What differs from the buffer that the producer sent before this one, picture or not.
  Damage damage;
};

/// Size of the host memory that the planes' offsets count from; 0 for dmabufs, whose size the
/// importer checks when it maps them.
struct MemoryBounds {
  std::uint64_t size = 0;
  /// Start of each block inside that memory (NV12 in two blocks of one memfd).
  std::array<std::uint64_t, 4> block_offset{};
};

/// Number of leading blocks of type DmaBuf; explicit sync appends two SyncObj blocks behind them.
unsigned dmabuf_plane_count(const spa_buffer& buffer);

BufferLayout read_layout(const spa_buffer& buffer, const VideoFormat& format,
                         const MemoryBounds& bounds, EmptyChunk empty_chunk);

}  // namespace lumen::pipewire
