#include "pointer.h"

#include <cstring>

#include <spa/buffer/meta.h>
#include <spa/param/video/raw.h>

namespace lumen::producer {
namespace {

// Inside the bitmap, and not at its corner.
constexpr spa_point kHotspot{5, 3};
constexpr std::uint32_t kBitmapAt = sizeof(spa_meta_cursor);
constexpr std::uint32_t kPixelsAt = sizeof(spa_meta_bitmap);

void draw(std::uint8_t* pixels) {
  for (std::uint32_t y = 0; y < kPointerSize.height; ++y) {
    for (std::uint32_t x = 0; x < kPointerSize.width; ++x, pixels += 4) {
      if (x < kPointerSize.width / 2) {
        const std::uint8_t solid[] = {kPointerColor.b, kPointerColor.g, kPointerColor.r, 255};
        std::memcpy(pixels, solid, 4);
      } else {
        std::memset(pixels, kPointerGlass, 4);
      }
    }
  }
}

}  // namespace

std::uint32_t pointer_meta_bytes() {
  return kBitmapAt + kPixelsAt + kPointerSize.width * kPointerSize.height * 4;
}

void tell_pointer(spa_buffer& buffer, std::uint32_t step, Extent picture) {
  const spa_meta* const meta = spa_buffer_find_meta(&buffer, SPA_META_Cursor);
  if (meta == nullptr || meta->size < pointer_meta_bytes()) return;
  auto* const bytes = static_cast<std::uint8_t*>(meta->data);
  auto* const cursor = static_cast<spa_meta_cursor*>(meta->data);
  const Rect rect = pointer_rect(pointer_patch(step), picture);
  *cursor = {.id = 1,
             .flags = 0,
             .position = {static_cast<std::int32_t>(rect.x) + kHotspot.x,
                          static_cast<std::int32_t>(rect.y) + kHotspot.y},
             .hotspot = kHotspot,
             .bitmap_offset = 0};
  // A consumer may have missed the first ones.
  if (step >= kPointerIntroduction && step % kPointerRest != 0) return;
  cursor->bitmap_offset = kBitmapAt;
  const spa_meta_bitmap bitmap{.format = SPA_VIDEO_FORMAT_BGRA,
                               .size = {kPointerSize.width, kPointerSize.height},
                               .stride = static_cast<std::int32_t>(kPointerSize.width * 4),
                               .offset = kPixelsAt};
  std::memcpy(bytes + kBitmapAt, &bitmap, sizeof bitmap);
  draw(bytes + kBitmapAt + kPixelsAt);
}

}  // namespace lumen::producer
