// Explicit sync as PipeWire hands it on: two syncobjs behind the planes of a buffer, and two points
// with every picture (SPA_META_SyncTimeline, PipeWire 1.2). Built against older headers nothing is
// ever found. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include <spa/buffer/buffer.h>

namespace lumen::pipewire {

/// Whether the headers that lumen was built with know it.
bool knows_explicit_sync();

/// Of one buffer; the descriptors stay PipeWire's.
struct SyncDescriptors {
  int acquire = -1;
  int release = -1;
};
/// The last two blocks, where both are syncobjs and the buffer carries the points.
std::optional<SyncDescriptors> sync_descriptors(const spa_buffer& buffer);

/// Of one picture: it may be read once `acquire` is signalled, and the producer draws into it again
/// once `release` is.
struct SyncPoints {
  std::uint64_t acquire = 0;
  std::uint64_t release = 0;
};
std::optional<SyncPoints> sync_points(const spa_buffer& buffer);

}  // namespace lumen::pipewire
