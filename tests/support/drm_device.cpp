#include "support/drm_device.h"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>

// Debian 12 has DRM's header with libdrm-dev only.
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

namespace lumen::test {

#if LUMEN_HAS_DRM_HEADER

namespace {

// The ABI of the vgem driver (drm/vgem_drm.h, which not every distribution ships).
struct FenceAttach {
  std::uint32_t handle;
  std::uint32_t flags;
  std::uint32_t fence;  // out
  std::uint32_t pad;
};
struct FenceSignal {
  std::uint32_t fence;
  std::uint32_t flags;
};
constexpr std::uint32_t kFenceOfAWriter = 1;
constexpr unsigned long kAttachFence = DRM_IOWR(DRM_COMMAND_BASE + 1, FenceAttach);
constexpr unsigned long kSignalFence = DRM_IOW(DRM_COMMAND_BASE + 2, FenceSignal);

constexpr int kNodes = 64;  // primary nodes; render nodes have the minors 128 and up

template <typename Request>
Result<void> ask(int device, unsigned long number, Request& request, const char* what) {
  while (::ioctl(device, number, &request) != 0) {
    if (errno != EINTR && errno != EAGAIN) return fail_errno(ErrorKind::kIo, what, errno);
  }
  return {};
}

UniqueFd open_node(const std::string& path) {
  return UniqueFd::take(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

std::string driver_of(int device) {
  std::array<char, 32> name{};
  drm_version request{};
  request.name = name.data();
  request.name_len = name.size() - 1;
  return ask(device, DRM_IOCTL_VERSION, request, "") ? name.data() : "";
}

struct DumbBuffer {
  std::uint32_t handle = 0;
  UniqueFd dmabuf;
};
Result<DumbBuffer> make_dumb_buffer(int device, std::size_t bytes) {
  constexpr std::size_t kRow = 4096;  // bytes
  drm_mode_create_dumb buffer{};
  buffer.width = kRow / 4;
  buffer.height = static_cast<std::uint32_t>((bytes + kRow - 1) / kRow);
  buffer.bpp = 32;
  auto asked = ask(device, DRM_IOCTL_MODE_CREATE_DUMB, buffer, "DRM_IOCTL_MODE_CREATE_DUMB");
  drm_prime_handle exported{.handle = buffer.handle, .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1};
  if (asked) asked = ask(device, DRM_IOCTL_PRIME_HANDLE_TO_FD, exported, "exporting a buffer");
  if (!asked) return tl::unexpected(std::move(asked.error()));
  return DumbBuffer{buffer.handle, UniqueFd::take(exported.fd)};
}

/// A device whose syncobjs are as good as any other's; vgem has none.
Result<UniqueFd> open_sync_node() {
  for (int i = 0; i < kNodes; ++i) {
    UniqueFd node = open_node("/dev/dri/renderD" + std::to_string(128 + i));
    drm_get_cap request{.capability = DRM_CAP_SYNCOBJ_TIMELINE, .value = 0};
    if (node && ask(node.borrow(), DRM_IOCTL_GET_CAP, request, "") && request.value != 0) {
      return node;
    }
  }
  return fail(ErrorKind::kUnsupported, "no render node has timeline syncobjs");
}

/// Signalled once all writers of the dmabuf are done.
Result<UniqueFd> writers_of(int dmabuf) {
  dma_buf_export_sync_file request{.flags = DMA_BUF_SYNC_READ, .fd = -1};
  auto asked =
      ask(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, request, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE");
  if (!asked) return tl::unexpected(std::move(asked.error()));
  return UniqueFd::take(request.fd);
}

}  // namespace

Result<std::string> find_drm_node(std::string_view driver) {
  for (int i = 0; i < kNodes; ++i) {
    std::string path = "/dev/dri/card" + std::to_string(i);
    const UniqueFd node = open_node(path);
    if (node && driver_of(node.borrow()) == driver) return path;
  }
  return fail(ErrorKind::kUnsupported, "no DRM device with the driver " + std::string(driver),
              "run it in the virtual machine (tools/vm.sh run --drm ...)");
}

Result<UniqueFd> make_device_dmabuf(const std::string& node, std::size_t bytes) {
  const UniqueFd device = open_node(node);
  if (!device) return fail_errno(ErrorKind::kUnsupported, "can't open " + node, errno);
  auto buffer = make_dumb_buffer(device.borrow(), bytes);
  if (!buffer) return tl::unexpected(std::move(buffer.error()));
  return std::move(buffer->dmabuf);
}

Result<PendingFence> PendingFence::create() {
  const auto path = find_drm_node("vgem");
  if (!path) return tl::unexpected(path.error());
  UniqueFd device = open_node(*path);
  if (!device) return fail_errno(ErrorKind::kIo, "can't open " + *path, errno);
  auto buffer = make_dumb_buffer(device.borrow(), 1);
  if (!buffer) return tl::unexpected(std::move(buffer.error()));
  FenceAttach attached{.handle = buffer->handle, .flags = kFenceOfAWriter, .fence = 0, .pad = 0};
  if (auto asked = ask(device.borrow(), kAttachFence, attached, "DRM_IOCTL_VGEM_FENCE_ATTACH");
      !asked) {
    return tl::unexpected(std::move(asked.error()));
  }
  auto sync_file = writers_of(buffer->dmabuf.borrow());
  if (!sync_file) return tl::unexpected(std::move(sync_file.error()));
  return PendingFence(std::move(device), std::move(*sync_file), attached.fence);
}

Result<void> PendingFence::signal() {
  FenceSignal request{.fence = fence_, .flags = 0};
  return ask(device_.borrow(), kSignalFence, request, "DRM_IOCTL_VGEM_FENCE_SIGNAL");
}

Result<void> submit_point(int syncobj, std::uint64_t point, const PendingFence& fence) {
  const auto device = open_sync_node();  // its handles end with it
  if (!device) return tl::unexpected(device.error());
  const int node = device->borrow();
  drm_syncobj_handle timeline{};
  timeline.fd = syncobj;
  auto asked = ask(node, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, timeline, "importing a timeline");
  // A sync_file goes into a binary syncobj only, and from there to the timeline's point.
  drm_syncobj_create binary{};
  if (asked) asked = ask(node, DRM_IOCTL_SYNCOBJ_CREATE, binary, "DRM_IOCTL_SYNCOBJ_CREATE");
  drm_syncobj_handle file{};
  file.handle = binary.handle;
  file.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
  file.fd = fence.sync_file();
  if (asked) asked = ask(node, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, file, "importing a sync_file");
  drm_syncobj_transfer transfer{};
  transfer.src_handle = binary.handle;
  transfer.dst_handle = timeline.handle;
  transfer.dst_point = point;
  if (asked) asked = ask(node, DRM_IOCTL_SYNCOBJ_TRANSFER, transfer, "DRM_IOCTL_SYNCOBJ_TRANSFER");
  return asked;
}

Result<void> add_write_fence(int dmabuf, const PendingFence& fence) {
  dma_buf_import_sync_file request{.flags = DMA_BUF_SYNC_WRITE, .fd = fence.sync_file()};
  return ask(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, request, "DMA_BUF_IOCTL_IMPORT_SYNC_FILE");
}

#else

namespace {
tl::unexpected<Error> no_header() {
  return fail(ErrorKind::kUnsupported, "built without DRM's kernel header");
}
}  // namespace

Result<std::string> find_drm_node(std::string_view) { return no_header(); }
Result<UniqueFd> make_device_dmabuf(const std::string&, std::size_t) { return no_header(); }
Result<PendingFence> PendingFence::create() { return no_header(); }
Result<void> PendingFence::signal() { return no_header(); }
Result<void> submit_point(int, std::uint64_t, const PendingFence&) { return no_header(); }
Result<void> add_write_fence(int, const PendingFence&) { return no_header(); }

#endif

}  // namespace lumen::test
