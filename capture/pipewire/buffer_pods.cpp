#include "capture/pipewire/buffer_pods.h"

#include <pipewire/version.h>
#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>
#include <spa/param/buffers.h>
#include <spa/param/param.h>

#include "core/damage.h"

namespace lumen::pipewire {
namespace {

// KWin gives 2 to 4 buffers, Mutter 2 to 16, gamescope 1 to 8: a range, because a fixed count can
// empty the intersection and leave the stream negotiating for ever. Four let one be converted and
// one wait while the producer fills another.
constexpr int kBuffersWanted = 4;
constexpr int kBuffersLeast = 2;
constexpr int kBuffersMost = 16;

// KWin and Mutter offer up to 16, and fewer where we ask for fewer.
constexpr std::size_t kDamageRegions = Damage::kMost;

constexpr std::size_t cursor_bytes(std::uint32_t side) {
  return sizeof(spa_meta_cursor) + sizeof(spa_meta_bitmap) + std::size_t{side} * side * 4;
}
// Producers name one size: KWin that of 256×256 pixels, Mutter of 384×384. This is for those who
// let us choose.
constexpr std::uint32_t kCursorSideWanted = 256;

}  // namespace

BufferPods::BufferPods(BufferMemory memory, CursorWish cursor) {
  spa_pod_builder_init(&builder_, storage_.data(), static_cast<std::uint32_t>(storage_.size()));
  int types = 1 << SPA_DATA_MemFd | 1 << SPA_DATA_MemPtr;
  if (memory != BufferMemory::kHost) types |= 1 << SPA_DATA_DmaBuf;
#if PW_CHECK_VERSION(1, 2, 0)
  if (memory == BufferMemory::kDmaBufWithSync) {
    // The first that both ends can meet is taken: with the points, else without.
    add_buffers(1 << SPA_DATA_DmaBuf, 1 << SPA_META_SyncTimeline);
    add_buffers(types, 0);
    add_meta(SPA_META_SyncTimeline, sizeof(spa_meta_sync_timeline));
  }
#endif
  if (count_ == 0) add_buffers(types, 0);
  add_meta(SPA_META_Header, sizeof(spa_meta_header));
  add_meta(SPA_META_VideoCrop, sizeof(spa_meta_region));
  add_meta(SPA_META_VideoDamage, {kDamageRegions * sizeof(spa_meta_region), sizeof(spa_meta_region),
                                  kDamageRegions * sizeof(spa_meta_region)});
  if (cursor == CursorWish::kBeside) {
    add_meta(SPA_META_Cursor,
             {cursor_bytes(kCursorSideWanted), cursor_bytes(1), cursor_bytes(kMaxCursorSide)});
  }
}

void BufferPods::add_buffers(int data_types, int required_metas) {
  spa_pod_builder* const b = &builder_;
  spa_pod_frame object;
  spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers);
  spa_pod_builder_prop(b, SPA_PARAM_BUFFERS_buffers, 0);
  spa_pod_frame choice;
  spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Range, 0);
  spa_pod_builder_int(b, kBuffersWanted);
  spa_pod_builder_int(b, kBuffersLeast);
  spa_pod_builder_int(b, kBuffersMost);
  spa_pod_builder_pop(b, &choice);
  spa_pod_builder_prop(b, SPA_PARAM_BUFFERS_dataType, 0);
  spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Flags, 0);
  spa_pod_builder_int(b, data_types);
  spa_pod_builder_pop(b, &choice);
#if PW_CHECK_VERSION(1, 2, 0)
  if (required_metas != 0) {
    spa_pod_builder_prop(b, SPA_PARAM_BUFFERS_metaType, SPA_POD_PROP_FLAG_MANDATORY);
    spa_pod_builder_int(b, required_metas);
  }
#else
  static_cast<void>(required_metas);
#endif
  pods_[count_++] = static_cast<const spa_pod*>(spa_pod_builder_pop(b, &object));
}

void BufferPods::add_meta(std::uint32_t type, const MetaSize& size) {
  spa_pod_builder* const b = &builder_;
  spa_pod_frame object;
  spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta);
  spa_pod_builder_prop(b, SPA_PARAM_META_type, 0);
  spa_pod_builder_id(b, type);
  spa_pod_builder_prop(b, SPA_PARAM_META_size, 0);
  if (size.least == size.most) {
    spa_pod_builder_int(b, static_cast<int>(size.best));
  } else {
    spa_pod_frame choice;
    spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Range, 0);
    spa_pod_builder_int(b, static_cast<int>(size.best));
    spa_pod_builder_int(b, static_cast<int>(size.least));
    spa_pod_builder_int(b, static_cast<int>(size.most));
    spa_pod_builder_pop(b, &choice);
  }
  pods_[count_++] = static_cast<const spa_pod*>(spa_pod_builder_pop(b, &object));
}

}  // namespace lumen::pipewire
