#include "capture/pipewire/cursor_tracker.h"

#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include <spa/param/video/raw.h>

namespace lumen::pipewire {
namespace {

using News = CursorTracker::News;

/// A well-formed buffer with room for 8×4 pixels; tests spoil one thing each.
struct PointerProducer {
  static constexpr Extent kSize{8, 4};
  static constexpr std::uint32_t kBitmapAt = sizeof(spa_meta_cursor);
  static constexpr std::uint32_t kPixelsAt = sizeof(spa_meta_bitmap);  // from the bitmap

  spa_meta_cursor cursor{
      .id = 1, .flags = 0, .position = {100, 50}, .hotspot = {3, 2}, .bitmap_offset = kBitmapAt};
  spa_meta_bitmap bitmap{.format = SPA_VIDEO_FORMAT_RGBA,
                         .size = {kSize.width, kSize.height},
                         .stride = kSize.width * 4,
                         .offset = kPixelsAt};
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(8 * 4 * 4, 0x80);

  /// Memory of just the given size, so that a sanitizer sees what is read beyond it.
  [[nodiscard]] std::vector<std::uint8_t> memory() const {
    std::vector<std::uint8_t> bytes(kBitmapAt + kPixelsAt + pixels.size());
    std::memcpy(bytes.data(), &cursor, sizeof cursor);
    std::memcpy(bytes.data() + kBitmapAt, &bitmap, sizeof bitmap);
    std::memcpy(bytes.data() + kBitmapAt + kPixelsAt, pixels.data(), pixels.size());
    return bytes;
  }
  [[nodiscard]] News tell(CursorTracker& tracker) const {
    auto bytes = memory();
    return tell_bytes(tracker, bytes);
  }
  static News tell_bytes(CursorTracker& tracker, std::vector<std::uint8_t>& bytes) {
    spa_meta meta{.type = SPA_META_Cursor,
                  .size = static_cast<std::uint32_t>(bytes.size()),
                  .data = bytes.data()};
    const spa_buffer buffer{.n_metas = 1, .n_datas = 0, .metas = &meta, .datas = nullptr};
    return tracker.update(buffer);
  }
};

TEST(CursorTracker, TellsShapeAndPlace) {
  CursorTracker tracker;
  EXPECT_EQ(tracker.cursor().shape, nullptr) << "before anything was told";
  EXPECT_EQ(PointerProducer().tell(tracker), News::kChanged);
  ASSERT_NE(tracker.cursor().shape, nullptr);
  EXPECT_EQ(tracker.cursor().shape->size, PointerProducer::kSize);
  EXPECT_EQ(tracker.cursor().x, 97) << "the hot spot is at the position";
  EXPECT_EQ(tracker.cursor().y, 48);
}

TEST(CursorTracker, AMoveKeepsShapeAndHotspot) {
  CursorTracker tracker;
  PointerProducer producer;
  (void)producer.tell(tracker);
  const auto shape = tracker.cursor().shape;
  producer.cursor.bitmap_offset = 0;
  producer.cursor.hotspot = {77, 77};  // means nothing without a bitmap
  producer.cursor.position = {-10, 5};
  EXPECT_EQ(producer.tell(tracker), News::kChanged);
  EXPECT_EQ(tracker.cursor().shape, shape);
  EXPECT_EQ(tracker.cursor().x, -13);
  EXPECT_EQ(tracker.cursor().y, 3);
  EXPECT_EQ(producer.tell(tracker), News::kNone) << "the same again";
}

TEST(CursorTracker, TheSameBitmapAgainIsNoNewShape) {
  CursorTracker tracker;
  const PointerProducer producer;
  (void)producer.tell(tracker);
  const auto shape = tracker.cursor().shape;
  EXPECT_EQ(producer.tell(tracker), News::kNone);
  EXPECT_EQ(tracker.cursor().shape, shape);
}

TEST(CursorTracker, IdZeroHidesItAndItComesBackAsItWas) {
  CursorTracker tracker;
  PointerProducer producer;
  (void)producer.tell(tracker);
  const auto shape = tracker.cursor().shape;
  producer.cursor.id = 0;
  EXPECT_EQ(producer.tell(tracker), News::kChanged);
  EXPECT_EQ(tracker.cursor().shape, nullptr);
  producer.cursor.id = 1;
  producer.cursor.bitmap_offset = 0;
  EXPECT_EQ(producer.tell(tracker), News::kChanged);
  EXPECT_EQ(tracker.cursor().shape, shape);
}

TEST(CursorTracker, ABitmapWithoutPixelsIsInvisibleOneWithoutFormatIsNone) {
  CursorTracker tracker;
  PointerProducer producer;
  (void)producer.tell(tracker);
  producer.bitmap.format = 0;
  EXPECT_EQ(producer.tell(tracker), News::kNone);
  for (const std::uint32_t format : {std::uint32_t{SPA_VIDEO_FORMAT_RGBA}, 0U}) {
    (void)PointerProducer().tell(tracker);
    producer.bitmap.format = format;
    producer.bitmap.offset = 0;
    EXPECT_EQ(producer.tell(tracker), News::kChanged) << "Mutter says it without a format";
    EXPECT_EQ(tracker.cursor().shape, nullptr);
  }
}

TEST(CursorTracker, WithoutMetadataNothingChanges) {
  CursorTracker tracker;
  (void)PointerProducer().tell(tracker);
  const Cursor before = tracker.cursor();
  const spa_buffer buffer{.n_metas = 0, .n_datas = 0, .metas = nullptr, .datas = nullptr};
  EXPECT_EQ(tracker.update(buffer), News::kNone);
  EXPECT_EQ(tracker.cursor(), before);
}

TEST(CursorTracker, TakesAllOrdersOfTheFourBytes) {
  const struct {
    std::uint32_t format;
    std::uint8_t bytes[4];
  } orders[] = {{SPA_VIDEO_FORMAT_RGBA, {10, 20, 30, 200}},
                {SPA_VIDEO_FORMAT_BGRA, {30, 20, 10, 200}},
                {SPA_VIDEO_FORMAT_ARGB, {200, 10, 20, 30}},
                {SPA_VIDEO_FORMAT_ABGR, {200, 30, 20, 10}}};
  for (const auto& order : orders) {
    CursorTracker tracker;
    PointerProducer producer;
    producer.bitmap.format = order.format;
    std::memcpy(producer.pixels.data() + 4, order.bytes, 4);
    EXPECT_EQ(producer.tell(tracker), News::kChanged);
    const std::uint8_t* const pixel = tracker.cursor().shape->pixels.data() + 4;
    EXPECT_EQ(pixel[0], 10) << order.format;
    EXPECT_EQ(pixel[1], 20) << order.format;
    EXPECT_EQ(pixel[2], 30) << order.format;
    EXPECT_EQ(pixel[3], 200) << order.format;
  }
}

TEST(CursorTracker, ColoursAreNeverAboveAlpha) {
  CursorTracker tracker;
  PointerProducer producer;
  const std::uint8_t straight[] = {255, 128, 0, 100};
  std::memcpy(producer.pixels.data(), straight, 4);
  (void)producer.tell(tracker);
  const auto& pixels = tracker.cursor().shape->pixels;
  EXPECT_EQ(pixels[0], 100);
  EXPECT_EQ(pixels[1], 100);
  EXPECT_EQ(pixels[2], 0);
}

TEST(CursorTracker, RowsMayBePadded) {
  CursorTracker tracker;
  PointerProducer producer;
  producer.bitmap.size = {2, 4};  // of rows for 8
  producer.pixels[32] = 0x11;     // the second row's first byte
  EXPECT_EQ(producer.tell(tracker), News::kChanged);
  EXPECT_EQ(tracker.cursor().shape->pixels.size(), 2U * 4 * 4);
  EXPECT_EQ(tracker.cursor().shape->pixels[8], 0x11);
}

TEST(CursorTracker, NothingOutsideOfTheMetadataIsEverRead) {
  using Spoil = void (*)(PointerProducer&);
  const struct {
    const char* what;
    Spoil spoil;
  } cases[] = {
      {"bitmap inside the cursor's own fields",
       [](PointerProducer& p) { p.cursor.bitmap_offset = sizeof(spa_meta_cursor) - 1; }},
      {"bitmap at the end",
       [](PointerProducer& p) {
         p.cursor.bitmap_offset = static_cast<std::uint32_t>(p.memory().size());
       }},
      {"bitmap half outside",
       [](PointerProducer& p) {
         p.cursor.bitmap_offset =
             static_cast<std::uint32_t>(p.memory().size() - sizeof(spa_meta_bitmap) + 1);
       }},
      {"bitmap far outside", [](PointerProducer& p) { p.cursor.bitmap_offset = UINT32_MAX; }},
      {"pixels inside the bitmap's own fields",
       [](PointerProducer& p) { p.bitmap.offset = sizeof(spa_meta_bitmap) - 1; }},
      {"pixels one byte too far", [](PointerProducer& p) { ++p.bitmap.offset; }},
      {"pixels far outside", [](PointerProducer& p) { p.bitmap.offset = UINT32_MAX; }},
      {"one row too many", [](PointerProducer& p) { ++p.bitmap.size.height; }},
      {"a column too many", [](PointerProducer& p) { ++p.bitmap.size.width; }},
      {"no width", [](PointerProducer& p) { p.bitmap.size.width = 0; }},
      {"no height", [](PointerProducer& p) { p.bitmap.size.height = 0; }},
      {"a size that overflows",
       [](PointerProducer& p) { p.bitmap.size = {0x4000'0001, 0x4000'0001}; }},
      {"a stride of nothing", [](PointerProducer& p) { p.bitmap.stride = 0; }},
      {"a negative stride", [](PointerProducer& p) { p.bitmap.stride = -32; }},
      {"the most negative stride", [](PointerProducer& p) { p.bitmap.stride = INT32_MIN; }},
      {"a short stride", [](PointerProducer& p) { p.bitmap.stride = 31; }},
      {"a long stride", [](PointerProducer& p) { p.bitmap.stride = 33; }},
      {"the longest stride", [](PointerProducer& p) { p.bitmap.stride = INT32_MAX; }},
      {"a format without alpha",
       [](PointerProducer& p) { p.bitmap.format = SPA_VIDEO_FORMAT_RGBx; }},
      {"a format of three bytes",
       [](PointerProducer& p) { p.bitmap.format = SPA_VIDEO_FORMAT_RGB; }},
      {"no known format", [](PointerProducer& p) { p.bitmap.format = 0xffff'ffff; }},
  };
  for (const auto& one : cases) {
    CursorTracker tracker;
    (void)PointerProducer().tell(tracker);
    const Cursor before = tracker.cursor();
    PointerProducer spoiled;
    one.spoil(spoiled);
    EXPECT_EQ(spoiled.tell(tracker), News::kInvalid) << one.what;
    EXPECT_STRNE(tracker.reason(), "") << one.what;
    EXPECT_EQ(tracker.cursor(), before) << one.what;
  }
}

TEST(CursorTracker, ShortMetadataIsRefusedOrHasNoBitmap) {
  const auto whole = PointerProducer().memory();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::uint8_t> bytes(whole.begin(), whole.begin() + static_cast<long>(size));
    bytes.shrink_to_fit();
    CursorTracker tracker;
    EXPECT_EQ(PointerProducer::tell_bytes(tracker, bytes), size == 0 ? News::kNone : News::kInvalid)
        << size;
    EXPECT_EQ(tracker.cursor().shape, nullptr) << size;
  }
}

TEST(CursorTracker, PlacesFarAwayDoNotOverflow) {
  for (const std::int32_t far : {INT32_MIN, INT32_MAX}) {
    CursorTracker tracker;
    PointerProducer producer;
    producer.cursor.position = {far, far};
    producer.cursor.hotspot = {far == INT32_MIN ? INT32_MAX : INT32_MIN, 0};
    EXPECT_EQ(producer.tell(tracker), News::kChanged);
    EXPECT_EQ(tracker.cursor().x < 0, far < 0);
    EXPECT_EQ(tracker.cursor().y < 0, far < 0);
  }
}

}  // namespace
}  // namespace lumen::pipewire
