#include "capture/pipewire/cursor_tracker.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <spa/param/video/raw.h>

namespace lumen::pipewire {
namespace {

// Nothing is drawn so far away, and no sum of such numbers overflows.
constexpr std::int64_t kFarthest = 1 << 24;

std::int32_t place(std::int32_t position, std::int32_t hotspot) {
  return static_cast<std::int32_t>(
      std::clamp(std::int64_t{position} - hotspot, -kFarthest, kFarthest));
}

/// Where R, G, B and A lie in a pixel's four bytes. Empty: not a format with alpha.
struct ByteOrder {
  std::uint32_t format;
  std::array<std::uint8_t, 4> at;
};
constexpr std::array kByteOrders = {
    ByteOrder{SPA_VIDEO_FORMAT_RGBA, {0, 1, 2, 3}}, ByteOrder{SPA_VIDEO_FORMAT_BGRA, {2, 1, 0, 3}},
    ByteOrder{SPA_VIDEO_FORMAT_ARGB, {1, 2, 3, 0}}, ByteOrder{SPA_VIDEO_FORMAT_ABGR, {3, 2, 1, 0}}};

const ByteOrder* byte_order(std::uint32_t format) {
  const auto* const found = std::ranges::find(kByteOrders, format, &ByteOrder::format);
  return found == kByteOrders.end() ? nullptr : found;
}

}  // namespace

CursorTracker::News CursorTracker::update(const spa_buffer& buffer) {
  const spa_meta* const meta = spa_buffer_find_meta(&buffer, SPA_META_Cursor);
  if (meta == nullptr || meta->data == nullptr) return News::kNone;
  if (meta->size < sizeof(spa_meta_cursor)) {
    reason_ = "its cursor metadata is too short";
    return News::kInvalid;
  }
  spa_meta_cursor told;
  std::memcpy(&told, meta->data, sizeof told);
  Cursor now_is;
  // KWin and Mutter say so where the pointer is hidden or outside of what they show.
  if (told.id != 0) {
    Bitmap bitmap;
    if (told.bitmap_offset != 0) {
      if (!read_bitmap(*meta, told.bitmap_offset, bitmap)) return News::kInvalid;
      if (bitmap.kind != Bitmap::Kind::kNone) {
        take_shape(bitmap);
        hotspot_ = told.hotspot;
      }
    }
    if (shape_ != nullptr) {
      now_is = {shape_, place(told.position.x, hotspot_.x), place(told.position.y, hotspot_.y)};
    }
  }
  if (now_is == cursor_) return News::kNone;
  cursor_ = std::move(now_is);
  return News::kChanged;
}

bool CursorTracker::read_bitmap(const spa_meta& meta, std::uint32_t offset, Bitmap& bitmap) {
  const auto refuse = [this](const char* reason) {
    reason_ = reason;
    return false;
  };
  if (offset < sizeof(spa_meta_cursor) || offset > meta.size ||
      meta.size - offset < sizeof(spa_meta_bitmap)) {
    return refuse("its cursor's bitmap lies outside of the metadata");
  }
  const auto* const begin = static_cast<const std::uint8_t*>(meta.data) + offset;
  const std::uint64_t room = meta.size - offset;
  spa_meta_bitmap told;
  std::memcpy(&told, begin, sizeof told);
  // An offset of 0 is an image without pixels, a format of 0 none at all (spa/buffer/meta.h);
  // Mutter has both where the pointer is invisible.
  if (told.offset == 0) bitmap.kind = Bitmap::Kind::kInvisible;
  if (told.offset == 0 || told.format == 0) return true;
  const Extent size{told.size.width, told.size.height};
  if (size.empty() || size.width > kMaxCursorSide || size.height > kMaxCursorSide) {
    return refuse("its cursor's bitmap has an impossible size");
  }
  if (byte_order(told.format) == nullptr) return refuse("its cursor's bitmap has no alpha");
  const std::uint64_t row = std::uint64_t{size.width} * 4;
  if (told.stride < 0 || static_cast<std::uint64_t>(told.stride) < row) {
    return refuse("its cursor's bitmap has an impossible row pitch");
  }
  // A stride of 31 bits times 10 bits of rows fits 64 bits.
  const std::uint64_t end =
      told.offset + static_cast<std::uint64_t>(told.stride) * (size.height - 1) + row;
  if (told.offset < sizeof(spa_meta_bitmap) || end > room) {
    return refuse("its cursor's pixels lie outside of the metadata");
  }
  bitmap.kind = Bitmap::Kind::kPixels;
  bitmap.first = begin + told.offset;
  bitmap.format = told.format;
  bitmap.size = size;
  bitmap.stride = static_cast<std::uint32_t>(told.stride);
  return true;
}

void CursorTracker::take_shape(const Bitmap& bitmap) {
  if (bitmap.kind == Bitmap::Kind::kInvisible) {
    shape_ = nullptr;
    return;
  }
  const std::array<std::uint8_t, 4> at = byte_order(bitmap.format)->at;
  pixels_.resize(std::size_t{bitmap.size.width} * bitmap.size.height * 4);
  std::uint8_t* out = pixels_.data();
  for (std::uint32_t y = 0; y < bitmap.size.height; ++y) {
    const std::uint8_t* in = bitmap.first + std::size_t{y} * bitmap.stride;
    for (std::uint32_t x = 0; x < bitmap.size.width; ++x, in += 4, out += 4) {
      std::array<std::uint8_t, 4> pixel{};
      std::memcpy(pixel.data(), in, 4);
      const std::uint8_t alpha = pixel[at[3]];
      for (std::size_t i = 0; i < 3; ++i) out[i] = std::min(pixel[at[i]], alpha);
      out[3] = alpha;
    }
  }
  // Some send the same bitmap with every buffer.
  if (shape_ != nullptr && shape_->size == bitmap.size && shape_->pixels == pixels_) return;
  shape_ = std::make_shared<const CursorShape>(CursorShape{bitmap.size, pixels_});
}

}  // namespace lumen::pipewire
