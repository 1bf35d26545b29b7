#include "capture/pipewire/buffer_layout.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include <spa/buffer/meta.h>

namespace lumen::pipewire {
namespace {

using Verdict = BufferLayout::Verdict;

VideoFormat format_of(Fourcc fourcc, Extent size) {
  VideoFormat format;
  format.format = fourcc;
  format.size = size;
  return format;
}

/// A well-formed 640×480 BGRx buffer; tests spoil one thing each.
struct Producer {
  spa_chunk chunk{.offset = 0, .size = 640 * 480 * 4, .stride = 640 * 4, .flags = 0};
  spa_chunk second_chunk{};
  spa_data datas[2]{};
  spa_meta_header header{.flags = 0, .offset = 0, .pts = 123, .dts_offset = 0, .seq = 0};
  spa_meta_region crop{};
  spa_meta metas[2]{};
  spa_buffer buffer{};
  VideoFormat format = format_of(Fourcc::kBGRx, {640, 480});
  MemoryBounds bounds{.size = 640 * 480 * 4, .block_offset = {}};

  Producer() {
    datas[0].type = SPA_DATA_MemFd;
    datas[0].chunk = &chunk;
    datas[1].type = SPA_DATA_MemFd;
    datas[1].chunk = &second_chunk;
    metas[0] = {.type = SPA_META_Header, .size = sizeof(header), .data = &header};
    metas[1] = {.type = SPA_META_VideoCrop, .size = sizeof(crop), .data = &crop};
    buffer = {.n_metas = 2, .n_datas = 1, .metas = metas, .datas = datas};
  }
  [[nodiscard]] BufferLayout read(EmptyChunk rule = EmptyChunk::kNoPicture) const {
    return read_layout(buffer, format, bounds, rule);
  }
};

TEST(BufferLayout, AGoodBufferIsAPicture) {
  const auto layout = Producer().read();
  EXPECT_EQ(layout.verdict, Verdict::kPicture);
  EXPECT_EQ(layout.planes[0].pitch.bytes, 640U * 4);
  EXPECT_EQ(layout.crop, (Rect{0, 0, {640, 480}}));
  EXPECT_EQ(layout.pts, 123);
}

TEST(BufferLayout, CorruptedInHeaderOrChunkIsSkipped) {
  Producer header;
  header.header.flags = SPA_META_HEADER_FLAG_CORRUPTED;
  EXPECT_EQ(header.read().verdict, Verdict::kCorrupted);
  Producer chunk;
  chunk.chunk.flags = SPA_CHUNK_FLAG_CORRUPTED;
  EXPECT_EQ(chunk.read().verdict, Verdict::kCorrupted);
}

TEST(BufferLayout, AnEmptyChunkFollowsTheProducersRule) {
  Producer producer;
  producer.chunk.size = 0;
  EXPECT_EQ(producer.read(EmptyChunk::kNoPicture).verdict, Verdict::kEmpty);
  EXPECT_EQ(producer.read(EmptyChunk::kIsPicture).verdict, Verdict::kPicture);
}

TEST(BufferLayout, WrongStridesAreInvalid) {
  for (const std::int32_t stride : {0, -2560, 2559, 1, INT32_MAX, INT32_MIN}) {
    Producer producer;
    producer.chunk.stride = stride;
    EXPECT_EQ(producer.read().verdict, Verdict::kInvalid) << stride;
  }
}

TEST(BufferLayout, NothingOutsideTheMemoryIsEverAPicture) {
  Producer offset;
  offset.chunk.offset = 4;
  EXPECT_EQ(offset.read().verdict, Verdict::kInvalid);
  Producer far;
  far.chunk.offset = UINT32_MAX;
  EXPECT_EQ(far.read().verdict, Verdict::kInvalid);
  Producer memory;
  memory.bounds.size -= 1;
  EXPECT_EQ(memory.read().verdict, Verdict::kInvalid);
  Producer chunk;
  chunk.chunk.size -= 1;
  EXPECT_EQ(chunk.read().verdict, Verdict::kInvalid);
  Producer size;
  size.format.size = {kMaxSide, kMaxSide};
  EXPECT_EQ(size.read().verdict, Verdict::kInvalid);
}

TEST(BufferLayout, ThePaddingAfterTheLastRowNeedNotExist) {
  Producer producer;
  producer.chunk.stride = 4096;
  producer.bounds.size = 4096ULL * 479 + 640 * 4;
  producer.chunk.size = static_cast<std::uint32_t>(producer.bounds.size);
  EXPECT_EQ(producer.read().verdict, Verdict::kPicture);
}

TEST(BufferLayout, MissingPartsAreInvalid) {
  Producer none;
  none.buffer.n_datas = 0;
  EXPECT_EQ(none.read().verdict, Verdict::kInvalid);
  Producer no_chunk;
  no_chunk.datas[0].chunk = nullptr;
  EXPECT_EQ(no_chunk.read().verdict, Verdict::kInvalid);
}

TEST(BufferLayout, Nv12InOneBlockPutsChromaBehindLuma) {
  Producer producer;
  producer.format = format_of(Fourcc::kNV12, {640, 480});
  producer.chunk = {.offset = 64, .size = 704 * 480, .stride = 704, .flags = 0};
  producer.bounds.size = 64 + 704 * 720;
  const auto layout = producer.read();
  ASSERT_EQ(layout.verdict, Verdict::kPicture);
  EXPECT_EQ(layout.planes[1].offset_bytes, 64U + 704 * 480);
  EXPECT_EQ(layout.planes[1].pitch.bytes, 704U);
  producer.bounds.size = 64 + 704 * 719 + 639;
  EXPECT_EQ(producer.read().verdict, Verdict::kInvalid);
}

TEST(BufferLayout, P010sRowsHaveTwoBytesASample) {
  Producer producer;
  producer.format = format_of(Fourcc::kP010, {640, 480});
  producer.chunk = {.offset = 0, .size = 1280 * 480, .stride = 1280, .flags = 0};
  producer.bounds.size = 1280 * 720;
  const auto layout = producer.read();
  ASSERT_EQ(layout.verdict, Verdict::kPicture);
  EXPECT_EQ(layout.planes[1].offset_bytes, 1280U * 480);
  EXPECT_EQ(layout.planes[1].pitch.bytes, 1280U);
  producer.bounds.size = 1280 * 720 - 1;
  EXPECT_EQ(producer.read().verdict, Verdict::kInvalid);
  producer.bounds.size = 1280 * 720;
  producer.chunk.stride = 1279;
  EXPECT_EQ(producer.read().verdict, Verdict::kInvalid);
}

TEST(BufferLayout, Nv12InTwoBlocksTakesEachBlocksOwnPlace) {
  Producer producer;
  producer.format = format_of(Fourcc::kNV12, {640, 480});
  producer.buffer.n_datas = 2;
  producer.chunk = {.offset = 0, .size = 640 * 480, .stride = 640, .flags = 0};
  producer.second_chunk = {.offset = 16, .size = 640 * 240, .stride = 640, .flags = 0};
  producer.bounds = {.size = 1'000'000, .block_offset = {0, 500'000}};
  const auto layout = producer.read();
  ASSERT_EQ(layout.verdict, Verdict::kPicture);
  EXPECT_EQ(layout.planes[1].offset_bytes, 500'016U);
}

TEST(BufferLayout, ACropInsideIsFollowedAndOneOutsideIsCutOrIgnored) {
  Producer inside;
  inside.crop.region = {{10, 20}, {300, 200}};
  EXPECT_EQ(inside.read().crop, (Rect{10, 20, {300, 200}}));
  Producer beyond;
  beyond.crop.region = {{600, 400}, {300, 200}};
  EXPECT_EQ(beyond.read().crop, (Rect{600, 400, {40, 80}}));
  for (const spa_region bad : {spa_region{{-1, 0}, {10, 10}}, spa_region{{640, 0}, {10, 10}},
                               spa_region{{0, 0}, {0, 0}}}) {
    Producer producer;
    producer.crop.region = bad;
    EXPECT_EQ(producer.read().crop, (Rect{0, 0, {640, 480}}));
  }
}

using Regions = std::vector<spa_region>;

/// With damage metadata of so many regions; unused ones are zero.
struct Teller : Producer {
  std::vector<spa_meta_region> regions;
  std::array<spa_meta, 3> all{};

  explicit Teller(const Regions& told, std::size_t room = 16) {
    for (const spa_region& region : told) regions.push_back({region});
    regions.resize(room);
    all = {metas[0],
           metas[1],
           {.type = SPA_META_VideoDamage,
            .size = static_cast<std::uint32_t>(room * sizeof(spa_meta_region)),
            .data = regions.data()}};
    buffer.metas = all.data();
    buffer.n_metas = 3;
  }
};

TEST(BufferLayout, DamageIsReadUpToTheFirstEmptyRegion) {
  const Teller teller(
      Regions{{{1, 2}, {3, 4}}, {{10, 20}, {30, 40}}, {{0, 0}, {0, 0}}, {{5, 5}, {5, 5}}});
  const Damage damage = teller.read().damage;
  ASSERT_TRUE(damage.known());
  ASSERT_EQ(damage.rects().size(), 2U);
  EXPECT_EQ(damage.rects()[0], (Rect{1, 2, {3, 4}}));
  EXPECT_EQ(damage.rects()[1], (Rect{10, 20, {30, 40}}));
}

TEST(BufferLayout, AFullListOfDamageNeedsNoEnd) {
  const Teller teller(Regions{{{0, 0}, {1, 1}}, {{8, 0}, {1, 1}}}, 2);
  EXPECT_EQ(teller.read().damage.rects().size(), 2U);
}

TEST(BufferLayout, WithoutMetadataDamageIsUnknown) {
  EXPECT_FALSE(Producer().read().damage.known());
}

TEST(BufferLayout, APictureThatClaimsToBeTheSameIsNotBelieved) {
  EXPECT_FALSE(Teller(Regions{}).read().damage.known());
}

TEST(BufferLayout, BuffersThatAreNoPicturesMayDamageNothing) {
  Teller cursor(Regions{});
  cursor.chunk.flags = SPA_CHUNK_FLAG_CORRUPTED;
  EXPECT_TRUE(cursor.read().damage.empty());
  Teller drawn(Regions{{{1, 2}, {3, 4}}});
  drawn.chunk.flags = SPA_CHUNK_FLAG_CORRUPTED;
  EXPECT_EQ(drawn.read().damage.rects().size(), 1U) << "a picture that we have missed";
  Producer silent;
  silent.chunk.flags = SPA_CHUNK_FLAG_CORRUPTED;
  EXPECT_FALSE(silent.read().damage.known());
  Producer empty;
  empty.chunk.size = 0;
  EXPECT_TRUE(empty.read().damage.empty()) << "no new picture";
  Teller invalid(Regions{{{1, 2}, {3, 4}}});
  invalid.chunk.stride = 1;
  EXPECT_FALSE(invalid.read().damage.known());
}

TEST(BufferLayout, ForeignDamageIsCutAndNeverOverflows) {
  const Teller teller(Regions{{{-10, -20}, {15, 25}},
                              {{INT32_MAX, 0}, {UINT32_MAX, 1}},
                              {{-100, -100}, {50, 500}},
                              {{INT32_MIN, INT32_MIN}, {1, 1}}});
  const Damage damage = teller.read().damage;
  ASSERT_TRUE(damage.known());
  ASSERT_EQ(damage.rects().size(), 2U);
  EXPECT_EQ(damage.rects()[0], (Rect{0, 0, {5, 5}}));
  EXPECT_EQ(damage.rects()[1], (Rect{INT32_MAX, 0, {UINT32_MAX, 1}}));
}

TEST(BufferLayout, SyncObjectsBehindDmabufsAreNotPlanes) {
  std::vector<spa_data> datas(4);
  datas[0].type = datas[1].type = SPA_DATA_DmaBuf;
  datas[2].type = datas[3].type = 5;  // SPA_DATA_SyncObj, absent from PipeWire 0.3's headers
  const spa_buffer buffer{.n_metas = 0, .n_datas = 4, .metas = nullptr, .datas = datas.data()};
  EXPECT_EQ(dmabuf_plane_count(buffer), 2U);
}

}  // namespace
}  // namespace lumen::pipewire
