#include "capture/pipewire/buffer_pods.h"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <pipewire/version.h>
#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>
#include <spa/param/buffers.h>
#include <spa/param/param.h>
#include <spa/pod/iter.h>
#include <spa/utils/type.h>

namespace lumen::pipewire {
namespace {

std::optional<int> int_of(const spa_pod* pod, std::uint32_t key) {
  const spa_pod_prop* const property = spa_pod_find_prop(pod, nullptr, key);
  if (property == nullptr) return std::nullopt;
  std::uint32_t count = 0;
  std::uint32_t choice = 0;
  const spa_pod* const values = spa_pod_get_values(&property->value, &count, &choice);
  return *static_cast<const std::int32_t*>(SPA_POD_BODY_CONST(values));
}

std::vector<const spa_pod*> of_type(BufferPods& pods, std::uint32_t id) {
  std::vector<const spa_pod*> found;
  for (const spa_pod* const pod : pods.pods()) {
    if (SPA_POD_OBJECT_ID(pod) == id) found.push_back(pod);
  }
  return found;
}

bool asks_for_meta(BufferPods& pods, std::uint32_t type) {
  for (const spa_pod* const pod : of_type(pods, SPA_PARAM_Meta)) {
    const auto* const property = spa_pod_find_prop(pod, nullptr, SPA_PARAM_META_type);
    std::uint32_t id = SPA_ID_INVALID;
    if (property != nullptr && spa_pod_get_id(&property->value, &id) == 0 && id == type)
      return true;
  }
  return false;
}

TEST(BufferPods, WithoutSyncThereIsOneKindOfBuffers) {
  for (const bool dmabuf : {false, true}) {
    BufferPods pods(dmabuf ? BufferMemory::kDmaBuf : BufferMemory::kHost, CursorWish::kBeside);
    const auto buffers = of_type(pods, SPA_PARAM_Buffers);
    ASSERT_EQ(buffers.size(), 1U);
    const int types = int_of(buffers[0], SPA_PARAM_BUFFERS_dataType).value_or(0);
    EXPECT_EQ((types & 1 << SPA_DATA_DmaBuf) != 0, dmabuf);
    EXPECT_NE(types & 1 << SPA_DATA_MemFd, 0) << "Weston sends memfds under a modifier";
    EXPECT_NE(types & 1 << SPA_DATA_MemPtr, 0);
    EXPECT_TRUE(asks_for_meta(pods, SPA_META_Header));
    EXPECT_TRUE(asks_for_meta(pods, SPA_META_VideoCrop));
    EXPECT_TRUE(asks_for_meta(pods, SPA_META_VideoDamage));
    EXPECT_TRUE(asks_for_meta(pods, SPA_META_Cursor));
    EXPECT_EQ(pods.pods().size(), 5U);
  }
}

TEST(BufferPods, TheCursorsRoomIsWhatKwinAndMutterGiveOrLess) {
  BufferPods pods(BufferMemory::kHost, CursorWish::kBeside);
  for (const spa_pod* const pod : of_type(pods, SPA_PARAM_Meta)) {
    const auto* const type = spa_pod_find_prop(pod, nullptr, SPA_PARAM_META_type);
    std::uint32_t id = SPA_ID_INVALID;
    if (spa_pod_get_id(&type->value, &id) != 0 || id != SPA_META_Cursor) continue;
    const auto* const size = spa_pod_find_prop(pod, nullptr, SPA_PARAM_META_size);
    std::uint32_t count = 0;
    std::uint32_t choice = 0;
    const auto* const values = static_cast<const std::int32_t*>(
        SPA_POD_BODY_CONST(spa_pod_get_values(&size->value, &count, &choice)));
    ASSERT_EQ(choice, SPA_CHOICE_Range);
    ASSERT_EQ(count, 3U);
    const int head = sizeof(spa_meta_cursor) + sizeof(spa_meta_bitmap);
    EXPECT_EQ(values[0], head + 256 * 256 * 4);
    EXPECT_LE(values[1], head + 4);
    EXPECT_GE(values[2], head + 384 * 384 * 4) << "Mutter offers this size only";
    return;
  }
  FAIL() << "the cursor is not asked for";
}

TEST(BufferPods, AnUnwantedCursorIsNotAskedFor) {
  BufferPods pods(BufferMemory::kHost, CursorWish::kIgnored);
  EXPECT_FALSE(asks_for_meta(pods, SPA_META_Cursor));
}

#if PW_CHECK_VERSION(1, 2, 0)

TEST(BufferPods, ExplicitSyncComesFirstAndIsNoCondition) {
  BufferPods pods(BufferMemory::kDmaBufWithSync, CursorWish::kBeside);
  const auto buffers = of_type(pods, SPA_PARAM_Buffers);
  ASSERT_EQ(buffers.size(), 2U);
  const auto* const metas = spa_pod_find_prop(buffers[0], nullptr, SPA_PARAM_BUFFERS_metaType);
  ASSERT_NE(metas, nullptr);
  EXPECT_EQ(metas->flags, SPA_POD_PROP_FLAG_MANDATORY);
  EXPECT_EQ(int_of(buffers[0], SPA_PARAM_BUFFERS_metaType), 1 << SPA_META_SyncTimeline);
  EXPECT_EQ(int_of(buffers[0], SPA_PARAM_BUFFERS_dataType), 1 << SPA_DATA_DmaBuf)
      << "host memory needs no points";
  EXPECT_EQ(spa_pod_find_prop(buffers[0], nullptr, SPA_PARAM_BUFFERS_blocks), nullptr)
      << "the producer knows how many planes stand before the two syncobjs";
  EXPECT_EQ(spa_pod_find_prop(buffers[1], nullptr, SPA_PARAM_BUFFERS_metaType), nullptr);
  EXPECT_TRUE(asks_for_meta(pods, SPA_META_SyncTimeline));
  EXPECT_TRUE(asks_for_meta(pods, SPA_META_Header));
  EXPECT_TRUE(asks_for_meta(pods, SPA_META_VideoCrop));
  EXPECT_TRUE(asks_for_meta(pods, SPA_META_VideoDamage));
}

#else

TEST(BufferPods, ExplicitSyncIsNotAskedForWithoutItsHeaders) {
  BufferPods pods(BufferMemory::kDmaBufWithSync, CursorWish::kBeside);
  EXPECT_EQ(of_type(pods, SPA_PARAM_Buffers).size(), 1U);
  EXPECT_EQ(pods.pods().size(), 5U);
}

#endif

}  // namespace
}  // namespace lumen::pipewire
