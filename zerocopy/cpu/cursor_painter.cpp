#include "zerocopy/cpu/cursor_painter.h"

#include <cstring>
#include <utility>

#include "zerocopy/cpu/picture.h"
#include "zerocopy/cuda/kernels/blend_kernel.h"

namespace lumen::cpu {
namespace {

TargetPicture picture_of(const CpuImage& image, Extent size) {
  return {image.format, size, image.planes, image.pitches};
}

void copy(const TargetPicture& from, const TargetPicture& to) {
  for (unsigned plane = 0; plane < plane_count(to.format); ++plane) {
    const PlaneExtent extent = plane_extent(to.format, to.size, plane);
    for (std::uint32_t row = 0; row < extent.rows; ++row) {
      std::memcpy(to.planes[plane] + std::size_t{row} * to.pitches[plane].bytes,
                  from.planes[plane] + std::size_t{row} * from.pitches[plane].bytes,
                  extent.row_bytes);
    }
  }
}

template <typename Sample>
void blend(const CpuImage& image, const OverlayChannel& channel) {
  cuda::BlendParams params{};
  params.pitch = image.pitches[channel.plane].bytes;
  params.step = static_cast<int>(channel.step_bytes);
  params.width = static_cast<int>(channel.rect.size.width);
  params.height = static_cast<int>(channel.rect.size.height);
  std::uint8_t* const first = image.planes[channel.plane] + channel.offset_bytes +
                              std::size_t{channel.rect.y} * params.pitch +
                              std::size_t{channel.rect.x} * channel.step_bytes;
  const auto load = [first](long long offset) {
    Sample sample;
    std::memcpy(&sample, first + offset, sizeof sample);
    return unsigned{sample};
  };
  const auto store = [first](long long offset, unsigned value) {
    const auto sample = static_cast<Sample>(value);
    std::memcpy(first + offset, &sample, sizeof sample);
  };
  const auto over = [&](long long index) {
    return channel.samples[static_cast<std::size_t>(index)];
  };
  for (int y = 0; y < params.height; ++y) {
    for (int x = 0; x < params.width; ++x) {
      cuda::blend_sample<sizeof(Sample)>(params, load, store, over, x, y);
    }
  }
}

}  // namespace

Result<CpuImage> CursorPainter::paint(const CpuImage& clean, Extent size, const Damage& changed,
                                      const CursorOverlay& overlay) {
  if (!pool_ || pool_->size() != size || pool_->format() != clean.format) {
    auto pool = ImagePool::create(clean.format, size);
    if (!pool) return tl::unexpected(std::move(pool.error()));
    pool_ = std::move(*pool);
    stale_.forget();
  }
  stale_.changed(changed);
  Damage drawn = Damage::nothing();
  drawn.add(drawn_);
  stale_.changed(drawn);
  auto image = pool_->acquire();
  if (!image) return image;

  const TargetPicture from = picture_of(clean, size);
  const TargetPicture to = picture_of(*image, size);
  const Rect whole{0, 0, size};
  const Damage stale = stale_.of(image->memory.get());
  const auto parts = stale.known() ? stale.rects() : std::span(&whole, 1);
  for (const Rect& part : parts) copy(part_of(from, part), part_of(to, part));
  stale_.updated(image->memory.get());
  drawn_ = overlay.rect;
  for (const OverlayChannel& channel : overlay.channels) {
    is_ten_bit(clean.format) ? blend<std::uint16_t>(*image, channel)
                             : blend<std::uint8_t>(*image, channel);
  }
  return image;
}

}  // namespace lumen::cpu
