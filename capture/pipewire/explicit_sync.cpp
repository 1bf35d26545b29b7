#include "capture/pipewire/explicit_sync.h"

#include <pipewire/version.h>
#include <spa/buffer/meta.h>

namespace lumen::pipewire {

#if PW_CHECK_VERSION(1, 2, 0)

namespace {

const spa_meta_sync_timeline* find_meta(const spa_buffer& buffer) {
  return static_cast<const spa_meta_sync_timeline*>(
      spa_buffer_find_meta_data(&buffer, SPA_META_SyncTimeline, sizeof(spa_meta_sync_timeline)));
}

}  // namespace

bool knows_explicit_sync() { return true; }

std::optional<SyncDescriptors> sync_descriptors(const spa_buffer& buffer) {
  if (find_meta(buffer) == nullptr || buffer.n_datas < 3) return std::nullopt;
  const spa_data& acquire = buffer.datas[buffer.n_datas - 2];
  const spa_data& release = buffer.datas[buffer.n_datas - 1];
  if (acquire.type != SPA_DATA_SyncObj || release.type != SPA_DATA_SyncObj) return std::nullopt;
  return SyncDescriptors{static_cast<int>(acquire.fd), static_cast<int>(release.fd)};
}

std::optional<SyncPoints> sync_points(const spa_buffer& buffer) {
  const auto* const meta = find_meta(buffer);
  if (meta == nullptr) return std::nullopt;
  return SyncPoints{meta->acquire_point, meta->release_point};
}

#else

bool knows_explicit_sync() { return false; }
std::optional<SyncDescriptors> sync_descriptors(const spa_buffer&) { return std::nullopt; }
std::optional<SyncPoints> sync_points(const spa_buffer&) { return std::nullopt; }

#endif

}  // namespace lumen::pipewire
