// Whatever a producer writes as SPA_META_Cursor, buffer after buffer, up to what is laid over a
// picture because of it. Input: pieces, each behind its length in two bytes, little-endian.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include <spa/buffer/meta.h>

#include "capture/pipewire/cursor_tracker.h"
#include "zerocopy/cursor_overlay.h"

using namespace lumen;

namespace {

constexpr Extent kFrame{64, 48};
constexpr std::uint32_t kLargestDrawn = 64;  // a side; larger ones take too long here

void check_shape(const CursorShape& shape) {
  const bool sane = !shape.size.empty() && shape.size.width <= kMaxCursorSide &&
                    shape.size.height <= kMaxCursorSide &&
                    shape.pixels.size() == std::size_t{shape.size.width} * shape.size.height * 4;
  if (!sane) std::abort();
  for (std::size_t i = 0; i < shape.pixels.size(); i += 4) {
    const std::uint8_t* const pixel = &shape.pixels[i];
    if (std::max({pixel[0], pixel[1], pixel[2]}) > pixel[3]) std::abort();
  }
}

void check_overlay(const Cursor& cursor, const CursorPlacement& placement) {
  const CursorOverlay overlay = make_overlay(cursor, placement);
  const Rect& rect = overlay.rect;
  if (rect.size.empty()) return;
  if (rect.x + rect.size.width > kFrame.width || rect.y + rect.size.height > kFrame.height) {
    std::abort();
  }
  for (const OverlayChannel& channel : overlay.channels) {
    const Extent size = channel.rect.size;
    if (channel.samples.size() != std::size_t{size.width} * size.height) std::abort();
    for (const cuda::OverlaySample& sample : channel.samples) {
      if (sample.alpha > cuda::kOpaque || cuda::blend(255, sample) > 255) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pipewire::CursorTracker tracker;
  while (size >= 2) {
    const unsigned told = data[0] | unsigned{data[1]} << 8;
    const std::size_t length = std::min<std::size_t>(told, size - 2);
    // Memory of just that size, so that a sanitizer sees what is read beyond it.
    std::vector<std::uint8_t> bytes(data + 2, data + 2 + length);
    data += 2 + length;
    size -= 2 + length;
    spa_meta meta{.type = SPA_META_Cursor,
                  .size = static_cast<std::uint32_t>(bytes.size()),
                  .data = bytes.data()};
    const spa_buffer buffer{.n_metas = 1, .n_datas = 0, .metas = &meta, .datas = nullptr};
    const Cursor before = tracker.cursor();
    const auto news = tracker.update(buffer);
    const Cursor& cursor = tracker.cursor();
    if ((news == pipewire::CursorTracker::News::kChanged) == (cursor == before)) std::abort();
    if (cursor.shape == nullptr) continue;
    check_shape(*cursor.shape);
    if (std::max(cursor.shape->size.width, cursor.shape->size.height) > kLargestDrawn) continue;
    check_overlay(cursor, {{0, 0, kFrame}, kFrame, Fourcc::kNV12, {}});
    check_overlay(cursor, {{3, 5, {101, 33}}, kFrame, Fourcc::kI444, {}});
  }
  return 0;
}
