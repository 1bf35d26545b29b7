#include "capture/synthetic/synthetic_ring.h"

#include <algorithm>
#include <new>

namespace lumen {
namespace {

constexpr std::uint32_t kPitchAlignment = 64;  // bytes: a cache line, and the widest SIMD load

Pitch pitch_of(Fourcc format, Extent size) {
  const std::uint32_t bytes = row_bytes(format, size.width);
  return {(bytes + kPitchAlignment - 1) / kPitchAlignment * kPitchAlignment};
}

}  // namespace

ColorDescription pattern_color(Fourcc format) {
  ColorDescription color;
  if (is_yuv(format)) return color;
  color.range = ColorRange::kFull;
  color.transfer = ColorTransfer::kSrgb;
  return color;
}

SyntheticRing::SyntheticRing(Fourcc format, Extent size)
    : painter_(format, size), pitch_(pitch_of(format, size)) {
  for (Buffer& buffer : buffers_) {
    buffer.pixels = std::make_shared<Pixels>(picture_bytes(format, size.height, pitch_));
    painter_.draw_static(view_pixels(buffer.pixels->data(), format, size, pitch_));
  }
}

Result<std::shared_ptr<SyntheticRing>> SyntheticRing::create(Fourcc format, Extent size) {
  try {
    return std::shared_ptr<SyntheticRing>(new SyntheticRing(format, size));
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::kIo, "no memory for the synthetic source's pictures",
                "choose a smaller size");
  }
}

std::optional<CapturedFrame> SyntheticRing::draw(std::uint32_t number) {
  const auto free = std::find_if(buffers_.begin(), buffers_.end(), [](const Buffer& buffer) {
    return !buffer.leased.load(std::memory_order_acquire);
  });
  if (free == buffers_.end()) return std::nullopt;
  free->leased.store(true, std::memory_order_relaxed);

  const Fourcc format = painter_.format();
  const Extent size = painter_.size();
  painter_.draw_moving(number, view_pixels(free->pixels->data(), format, size, pitch_));

  ShmImage image{.memory = free->pixels};
  image.planes[0] = {0, pitch_};
  if (format == Fourcc::kNV12) image.planes[1] = {pitch_.bytes * size.height, pitch_};

  CapturedFrame frame;
  frame.image = std::move(image);
  frame.format = format;
  frame.size = size;
  frame.crop = {0, 0, size};
  frame.color = pattern_color(format);
  frame.lease = BufferLease(shared_from_this(),
                            static_cast<std::uint64_t>(std::distance(buffers_.begin(), free)));
  return frame;
}

void SyntheticRing::give_back(std::uint64_t token) noexcept {
  buffers_[token].leased.store(false, std::memory_order_release);
}

std::uint64_t SyntheticRing::leases_out() const {
  return static_cast<std::uint64_t>(std::count_if(
      buffers_.begin(), buffers_.end(),
      [](const Buffer& buffer) { return buffer.leased.load(std::memory_order_relaxed); }));
}

}  // namespace lumen
