// The pointer as SPA_META_Cursor tells it, buffer by buffer: where it is always, what it looks like
// when that changes. Everything read comes from a foreign process, which may write while we read.
#pragma once

#include <cstdint>
#include <vector>

#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>

#include "capture/cursor.h"

namespace lumen::pipewire {

/// Runs on PipeWire's data thread; allocates only when the pointer changes its shape.
class CursorTracker {
 public:
  enum class News {
    kNone,     // as before, or the buffer does not speak of it
    kChanged,  // cursor() is another
    kInvalid,  // refused, see reason(); cursor() is as before
  };

  /// What a dequeued buffer says, whether it has a picture or not.
  News update(const spa_buffer& buffer);

  [[nodiscard]] const Cursor& cursor() const { return cursor_; }
  /// Static text: why the last update() was kInvalid.
  [[nodiscard]] const char* reason() const { return reason_; }

 private:
  /// A bitmap that lies wholly inside its metadata.
  struct Bitmap {
    enum class Kind { kNone, kInvisible, kPixels } kind = Kind::kNone;
    const std::uint8_t* first = nullptr;
    std::uint32_t format = 0;  // spa_video_format
    Extent size;
    std::uint32_t stride = 0;  // bytes
  };
  bool read_bitmap(const spa_meta& meta, std::uint32_t offset, Bitmap& bitmap);
  void take_shape(const Bitmap& bitmap);

  Cursor cursor_;
  std::shared_ptr<const CursorShape> shape_;  // the last one, shown or not
  spa_point hotspot_{};                       // that came with it
  std::vector<std::uint8_t> pixels_;          // of the bitmap being read
  const char* reason_ = "";
};

}  // namespace lumen::pipewire
