#include "zerocopy/egl/layout_check.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "capture/dmabuf_memory.h"

namespace lumen::egl {
namespace {

constexpr std::uint32_t kBytesPerPixel = 4;

/// The bytes from the plane's offset to the picture's end. Sides are at most kMaxSide and the rest
/// 32-bit, so that 64 bits hold every product here.
std::uint64_t bytes_needed(const CapturedFrame& frame, const DmaBufImage& image) {
  const std::uint64_t row = std::uint64_t{frame.size.width} * kBytesPerPixel;
  if (image.modifier != kModifierLinear) return row * frame.size.height;
  return std::uint64_t{image.planes[0].pitch.bytes} * (frame.size.height - 1) + row;
}

}  // namespace

Result<void> check_layout(const CapturedFrame& frame, const DmaBufImage& image) {
  const auto reject = [](std::string why) {
    return fail(ErrorKind::kFormatRejected, std::move(why));
  };
  if (!is_packed_rgb(frame.format)) {
    return reject(to_string(frame.format) + " is not a packed RGB format");
  }
  if (frame.size.empty() || std::max(frame.size.width, frame.size.height) > kMaxSide) {
    return reject("impossible frame size");
  }
  if (image.memory == nullptr || image.plane_count == 0 ||
      image.plane_count > image.planes.size()) {
    return reject("impossible number of planes");
  }
  if (image.modifier == kModifierLinear && image.plane_count != 1) {
    return reject("a LINEAR RGB picture has one plane");
  }
  for (unsigned i = 0; i < image.plane_count; ++i) {
    // Planes without a descriptor of their own lie in the first one's memory.
    const unsigned file = i < image.memory->plane_count() ? i : 0;
    const std::uint64_t size = image.memory->plane(file).size;
    const PlaneLayout& plane = image.planes[i];
    if (size == 0) return reject("a dmabuf does not tell its size");
    // Auxiliary planes (compression data) have layouts of their own: only their start is known.
    if (plane.offset_bytes >= size) {
      return reject(fmt::format("plane {} begins behind its memory", i));
    }
    if (i > 0) continue;
    if (plane.pitch.bytes < std::uint64_t{frame.size.width} * kBytesPerPixel ||
        plane.pitch.bytes % kBytesPerPixel != 0 || plane.offset_bytes % kBytesPerPixel != 0) {
      return reject(fmt::format("pitch {} or offset {} is impossible for {} pixels of 32 bits",
                                plane.pitch.bytes, plane.offset_bytes, frame.size.width));
    }
    if (plane.offset_bytes + bytes_needed(frame, image) > size) {
      return reject(fmt::format("the picture needs {} bytes, its memory has {}",
                                plane.offset_bytes + bytes_needed(frame, image), size));
    }
  }
  return {};
}

Result<void> check_is_dmabuf(const DmaBufMemory& memory) {
  for (unsigned i = 0; i < memory.plane_count(); ++i) {
    struct statfs info{};
    if (::fstatfs(memory.plane(i).fd.borrow(), &info) != 0) {
      return fail_errno(ErrorKind::kFormatRejected, "can't inspect a dmabuf", errno);
    }
    if (info.f_type != DMA_BUF_MAGIC) {
      return fail(ErrorKind::kFormatRejected, "what the producer calls a dmabuf is none");
    }
  }
  return {};
}

}  // namespace lumen::egl
