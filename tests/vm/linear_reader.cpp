#include "linear_reader.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "capture/dmabuf_memory.h"
#include "capture/synthetic/barcode.h"
#include "capture/synthetic/pattern.h"

namespace lumen::session {
namespace {

void sync(int fd, std::uint64_t flags) {
  dma_buf_sync request{};
  request.flags = flags;
  while (::ioctl(fd, DMA_BUF_IOCTL_SYNC, &request) != 0 && errno == EINTR) {
  }
}

/// One plane's rows, copied out while the CPU may read them. Empty: they can't be mapped.
std::vector<std::uint8_t> copy_rows(const DmaBufImage& image, Extent size) {
  const DmaBufMemory::Plane& plane = image.memory->plane(0);
  const int fd = plane.fd.borrow();
  void* const mapped = ::mmap(nullptr, plane.size, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return {};
  std::vector<std::uint8_t> rows(std::size_t{size.width} * size.height * 4);
  const std::uint64_t end = image.planes[0].offset_bytes +
                            std::uint64_t{image.planes[0].pitch.bytes} * (size.height - 1) +
                            size.width * 4;
  if (end <= plane.size) {
    sync(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
    for (std::uint32_t y = 0; y < size.height; ++y) {
      std::memcpy(&rows[std::size_t{y} * size.width * 4],
                  static_cast<const std::uint8_t*>(mapped) + image.planes[0].offset_bytes +
                      std::size_t{y} * image.planes[0].pitch.bytes,
                  size.width * 4);
    }
    sync(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
  } else {
    rows.clear();
  }
  ::munmap(mapped, plane.size);
  return rows;
}

double worst_patch(const std::vector<std::uint8_t>& rows, Extent size) {
  double worst = 0;
  for (unsigned i = 0; i < kPatchCount; ++i) {
    const Rect patch = patch_rect(i, size);
    const std::uint32_t x = patch.x + patch.size.width / 2;
    const std::uint32_t y = patch.y + patch.size.height / 2;
    const std::uint8_t* const pixel = &rows[(std::size_t{y} * size.width + x) * 4];  // B, G, R
    const auto drawn = patch_color(i);
    worst = std::max({worst, std::abs(double(pixel[2]) - drawn.r),
                      std::abs(double(pixel[1]) - drawn.g), std::abs(double(pixel[0]) - drawn.b)});
  }
  return worst;
}

}  // namespace

std::vector<FormatOffer> LinearReader::offers() {
  return {{Fourcc::kBGRx, {kModifierLinear}}, {Fourcc::kBGRA, {kModifierLinear}}};
}

void LinearReader::on_frame(CapturedFrame frame) {
  const auto* const image = std::get_if<DmaBufImage>(&frame.image);
  const std::scoped_lock lock(mutex_);
  if (image == nullptr || image->modifier != kModifierLinear) {
    reading_.trouble = "a frame is no LINEAR dmabuf";
    return;
  }
  reading_.dmabufs.insert(image->memory->plane(0).inode);
  const std::vector<std::uint8_t> rows = copy_rows(*image, frame.size);
  if (rows.empty()) {
    reading_.trouble = "a dmabuf can't be mapped or is too small";
    return;
  }
  std::vector<std::uint8_t> green(std::size_t{frame.size.width} * frame.size.height);
  for (std::size_t i = 0; i < green.size(); ++i) green[i] = rows[i * 4 + 1];
  const auto number =
      barcode::read_luma(green.data(), Pitch{frame.size.width}, frame.size);  // black and white
  if (number) {
    reading_.numbers.push_back(*number);
    reading_.worst_patch = std::max(reading_.worst_patch, worst_patch(rows, frame.size));
  } else {
    ++reading_.unreadable;
  }
  changed_.notify_all();
}

void LinearReader::on_format(const CaptureFormat& format) {
  const std::scoped_lock lock(mutex_);
  reading_.memory.insert(format.memory);
}

void LinearReader::on_state(CaptureState, const std::string&) {}

void LinearReader::on_failure(Error error) {
  const std::scoped_lock lock(mutex_);
  reading_.trouble = error.describe();
  changed_.notify_all();
}

bool LinearReader::wait_for(std::size_t different, Milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] {
    return std::set<std::uint32_t>(reading_.numbers.begin(), reading_.numbers.end()).size() >=
           different;
  });
}

LinearReader::Reading LinearReader::reading() const {
  const std::scoped_lock lock(mutex_);
  return reading_;
}

}  // namespace lumen::session
