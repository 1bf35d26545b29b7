// Timelines that GPUs and processes wait for and signal: DRM syncobjs, behind an interface that
// tests replace.
//
// A syncobj belongs to no driver, so any device that has timelines serves for those of all others
// (drivers/gpu/drm/drm_syncobj.c): nothing here depends on which GPU drew or reads a picture.
#pragma once

#include <cstdint>
#include <memory>

#include "core/error.h"
#include "core/time.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

/// Points of one timeline; a point is signalled when its work is done. Any thread.
class SyncTimeline {
 public:
  virtual ~SyncTimeline() = default;

  /// Returns when the point is signalled; also waits for work that nobody has submitted yet.
  /// kRetry: not by the deadline.
  virtual Result<void> wait(std::uint64_t point, Timestamp deadline) = 0;
  /// A sync_file that is signalled with the point. Waits only until the point's work is submitted,
  /// since a sync_file can't stand for work that may never come. kRetry: not by the deadline.
  virtual Result<UniqueFd> export_sync_file(std::uint64_t point, Timestamp deadline) = 0;
  /// From here: the point's work is done. Does not block.
  virtual Result<void> signal(std::uint64_t point) = 0;
};

/// Makes timelines of the descriptors that other processes pass on. Any thread.
class SyncDevice {
 public:
  virtual ~SyncDevice() = default;

  /// `syncobj` stays the caller's and may be closed afterwards. The timeline may outlive the device
  /// object.
  virtual Result<std::shared_ptr<SyncTimeline>> import_timeline(int syncobj) = 0;

  struct NewTimeline {
    std::shared_ptr<SyncTimeline> timeline;
    UniqueFd syncobj;  // for other processes
  };
  virtual Result<NewTimeline> create_timeline() = 0;
};

/// The first render node of this machine that has timelines. kUnsupported, with the reason: there
/// is none.
Result<std::shared_ptr<SyncDevice>> open_sync_device();

}  // namespace lumen
