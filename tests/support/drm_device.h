// What DRM devices without a GPU give a test: dmabufs of their own, and fences that stand for
// unfinished work, as a GPU's do, and that the test ends (vgem's). Plus what producers do with
// those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::test {

/// "/dev/dri/card0" of the first device that has this driver ("vgem", "virtio_gpu"). kUnsupported:
/// there is none (tools/vm.sh run --drm DRIVER).
Result<std::string> find_drm_node(std::string_view driver);

/// A dmabuf of this device; see TestDmaBuf::adopt().
Result<UniqueFd> make_device_dmabuf(const std::string& node, std::size_t bytes);

/// Dropped, it counts as signalled; so it does after 10 seconds (the kernel's vgem_fence.c).
/// Movable; any thread.
class PendingFence {
 public:
  /// kUnsupported: there is no vgem device (tools/vm.sh run --drm virtio-gpu+vgem).
  static Result<PendingFence> create();

  /// The fence as a sync_file.
  [[nodiscard]] int sync_file() const { return sync_file_.borrow(); }

  /// The work is done.
  Result<void> signal();

 private:
  PendingFence(UniqueFd device, UniqueFd sync_file, std::uint32_t fence)
      : device_(std::move(device)), sync_file_(std::move(sync_file)), fence_(fence) {}

  UniqueFd device_;
  UniqueFd sync_file_;
  std::uint32_t fence_;
};

/// The point's work is submitted and not done: it is signalled with the fence. `syncobj` as
/// SyncDevice makes and takes them.
Result<void> submit_point(int syncobj, std::uint64_t point, const PendingFence& fence);

/// Readers of the dmabuf that care about implicit fences wait for this one.
Result<void> add_write_fence(int dmabuf, const PendingFence& fence);

}  // namespace lumen::test
