#include "platform/linux/drm_syncobj.h"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>

// The kernel's own header where the distribution ships it, else libdrm's copy. Debian 12 has it
// only with libdrm-dev, and its PipeWire knows no explicit sync.
// From the kernel, or from libdrm-dev.
#if __has_include(<drm/drm.h>)
#include <drm/drm.h>
#define LUMEN_HAS_DRM_HEADER 1
#elif __has_include(<libdrm/drm.h>)
#include <libdrm/drm.h>
#define LUMEN_HAS_DRM_HEADER 1
#else
#define LUMEN_HAS_DRM_HEADER 0
#endif

namespace lumen {

#if LUMEN_HAS_DRM_HEADER

namespace {

// Render nodes have the minor numbers 128 to 191 (drivers/gpu/drm/drm_drv.c).
constexpr int kFirstRenderNode = 128;
constexpr int kLastRenderNode = 191;

/// 0 or an errno code. DRM ioctls may be interrupted or asked to come again.
template <typename Request>
int ask(int device, unsigned long number, Request& request) {
  int code = 0;
  do {
    code = ::ioctl(device, number, &request) == 0 ? 0 : errno;
  } while (code == EINTR || code == EAGAIN);
  return code;
}

bool has_timelines(int device) {
  drm_get_cap request{.capability = DRM_CAP_SYNCOBJ_TIMELINE, .value = 0};
  return ask(device, DRM_IOCTL_GET_CAP, request) == 0 && request.value != 0;
}

std::uint64_t address_of(const void* data) { return reinterpret_cast<std::uintptr_t>(data); }

/// A handle of a device file, and the file.
class Syncobj {
 public:
  Syncobj(std::shared_ptr<const UniqueFd> device, std::uint32_t handle)
      : device_(std::move(device)), handle_(handle) {}
  Syncobj(const Syncobj&) = delete;
  ~Syncobj() {
    drm_syncobj_destroy request{.handle = handle_, .pad = 0};
    ask(device_->borrow(), DRM_IOCTL_SYNCOBJ_DESTROY, request);
  }

  [[nodiscard]] int device() const { return device_->borrow(); }
  [[nodiscard]] const std::shared_ptr<const UniqueFd>& shared_device() const { return device_; }
  [[nodiscard]] const std::uint32_t& handle() const { return handle_; }

  static Result<std::unique_ptr<Syncobj>> create(const std::shared_ptr<const UniqueFd>& device) {
    drm_syncobj_create request{};
    if (const int code = ask(device->borrow(), DRM_IOCTL_SYNCOBJ_CREATE, request); code != 0) {
      return fail_errno(ErrorKind::kIo, "DRM_IOCTL_SYNCOBJ_CREATE", code);
    }
    return std::make_unique<Syncobj>(device, request.handle);
  }

  [[nodiscard]] Result<UniqueFd> export_fd(std::uint32_t flags) const {
    drm_syncobj_handle request{};
    request.handle = handle_;
    request.flags = flags;
    request.fd = -1;
    if (const int code = ask(device(), DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, request); code != 0) {
      return fail_errno(ErrorKind::kIo, "DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD", code);
    }
    return UniqueFd::take(request.fd);
  }

 private:
  std::shared_ptr<const UniqueFd> device_;
  std::uint32_t handle_;
};

class DrmTimeline final : public SyncTimeline {
 public:
  explicit DrmTimeline(std::unique_ptr<Syncobj> syncobj) : syncobj_(std::move(syncobj)) {}

  Result<void> wait(std::uint64_t point, Timestamp deadline) override {
    return await(point, deadline, 0);
  }

  Result<UniqueFd> export_sync_file(std::uint64_t point, Timestamp deadline) override {
    if (auto submitted = await(point, deadline, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE);
        !submitted) {
      return tl::unexpected(std::move(submitted.error()));
    }
    // Only a binary syncobj's fence can be exported.
    auto binary = Syncobj::create(syncobj_->shared_device());
    if (!binary) return tl::unexpected(std::move(binary.error()));
    drm_syncobj_transfer request{};
    request.src_handle = syncobj_->handle();
    request.src_point = point;
    request.dst_handle = (*binary)->handle();
    if (const int code = ask(syncobj_->device(), DRM_IOCTL_SYNCOBJ_TRANSFER, request); code != 0) {
      return fail_errno(ErrorKind::kIo, "DRM_IOCTL_SYNCOBJ_TRANSFER", code);
    }
    return (*binary)->export_fd(DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
  }

  Result<void> signal(std::uint64_t point) override {
    drm_syncobj_timeline_array request{};
    request.handles = address_of(&syncobj_->handle());
    request.points = address_of(&point);
    request.count_handles = 1;
    if (const int code = ask(syncobj_->device(), DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, request);
        code != 0) {
      return fail_errno(ErrorKind::kIo, "DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL", code);
    }
    return {};
  }

 private:
  Result<void> await(std::uint64_t point, Timestamp deadline, std::uint32_t flags) {
    drm_syncobj_timeline_wait request{};
    request.handles = address_of(&syncobj_->handle());
    request.points = address_of(&point);
    request.timeout_nsec = deadline.time_since_epoch().count();  // absolute, CLOCK_MONOTONIC
    request.count_handles = 1;
    request.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT | flags;
    const int code = ask(syncobj_->device(), DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, request);
    if (code == 0) return {};
    return fail_errno(code == ETIME ? ErrorKind::kRetry : ErrorKind::kIo,
                      "DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT", code);
  }

  std::unique_ptr<Syncobj> syncobj_;
};

class DrmDevice final : public SyncDevice {
 public:
  explicit DrmDevice(UniqueFd device)
      : device_(std::make_shared<const UniqueFd>(std::move(device))) {}

  Result<std::shared_ptr<SyncTimeline>> import_timeline(int syncobj) override {
    drm_syncobj_handle request{};
    request.fd = syncobj;
    if (const int code = ask(device_->borrow(), DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, request);
        code != 0) {
      return fail_errno(ErrorKind::kInvalidArgument, "DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE", code);
    }
    return std::make_shared<DrmTimeline>(std::make_unique<Syncobj>(device_, request.handle));
  }

  Result<NewTimeline> create_timeline() override {
    auto syncobj = Syncobj::create(device_);
    if (!syncobj) return tl::unexpected(std::move(syncobj.error()));
    auto fd = (*syncobj)->export_fd(0);
    if (!fd) return tl::unexpected(std::move(fd.error()));
    return NewTimeline{std::make_shared<DrmTimeline>(std::move(*syncobj)), std::move(*fd)};
  }

 private:
  std::shared_ptr<const UniqueFd> device_;
};

}  // namespace

Result<std::shared_ptr<SyncDevice>> open_sync_device() {
  std::string tried;
  for (int minor = kFirstRenderNode; minor <= kLastRenderNode; ++minor) {
    const std::string path = "/dev/dri/renderD" + std::to_string(minor);
    auto device = UniqueFd::take(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!device) {
      if (errno != ENOENT) tried += " " + path + " can't be opened;";
      continue;
    }
    if (has_timelines(device.borrow())) return std::make_shared<DrmDevice>(std::move(device));
    tried += " " + path + " has no timelines;";
  }
  if (tried.empty()) tried = " there is no render node;";
  tried.pop_back();
  return fail(ErrorKind::kUnsupported, "no DRM device for explicit sync:" + tried);
}

#else

Result<std::shared_ptr<SyncDevice>> open_sync_device() {
  return fail(ErrorKind::kUnsupported, "built without DRM's kernel header: no explicit sync");
}

#endif

}  // namespace lumen
