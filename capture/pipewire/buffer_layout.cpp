#include "capture/pipewire/buffer_layout.h"

#include <algorithm>
#include <optional>

#include <spa/buffer/meta.h>

namespace lumen::pipewire {
namespace {

using Verdict = BufferLayout::Verdict;

BufferLayout invalid(const char* reason) {
  BufferLayout layout;
  layout.reason = reason;
  return layout;
}

struct PlaneShape {
  std::uint64_t row_bytes;
  std::uint64_t rows;
};

PlaneShape plane_shape(Fourcc format, Extent size, unsigned plane) {
  const std::uint64_t width = size.width;
  const std::uint64_t height = size.height;
  if (is_packed_rgb(format)) return {width * 4, height};
  const std::uint64_t bytes = is_ten_bit(format) ? 2 : 1;
  if (plane == 0) return {width * bytes, height};
  const std::uint64_t samples = plane_count(format) == 2 ? 2 : 1;
  return {(width + 1) / 2 * samples * bytes, (height + 1) / 2};
}

Rect visible_part(const spa_buffer& buffer, Extent size) {
  const Rect whole{0, 0, size};
  const auto* crop = static_cast<const spa_meta_region*>(
      spa_buffer_find_meta_data(&buffer, SPA_META_VideoCrop, sizeof(spa_meta_region)));
  if (crop == nullptr || !spa_meta_region_is_valid(crop)) return whole;
  const auto& region = crop->region;
  if (region.position.x < 0 || region.position.y < 0) return whole;
  const auto x = static_cast<std::uint32_t>(region.position.x);
  const auto y = static_cast<std::uint32_t>(region.position.y);
  if (x >= size.width || y >= size.height) return whole;
  return {
      x,
      y,
      {std::min(region.size.width, size.width - x), std::min(region.size.height, size.height - y)}};
}

/// The regions up to the first invalid one (spa/buffer/meta.h). Beyond kMostRegions they are not
/// looked at, and nothing is known then. None where there is no such metadata.
std::optional<Damage> damaged_part(const spa_buffer& buffer) {
  constexpr std::size_t kMostRegions = 64;
  const spa_meta* const meta = spa_buffer_find_meta(&buffer, SPA_META_VideoDamage);
  if (meta == nullptr || meta->data == nullptr) return std::nullopt;
  const std::size_t count = meta->size / sizeof(spa_meta_region);
  const auto* const regions = static_cast<const spa_meta_region*>(meta->data);
  Damage damage = Damage::nothing();
  for (std::size_t i = 0; i < count; ++i) {
    const spa_region region = regions[i].region;  // the producer may write while we read
    if (region.size.width == 0 || region.size.height == 0) return damage;
    if (i == kMostRegions) return Damage();
    const auto begin = [](std::int32_t at) { return static_cast<std::uint32_t>(std::max(at, 0)); };
    const auto length = [](std::int32_t at, std::uint32_t size) {
      const std::int64_t end = std::int64_t{at} + size;
      return static_cast<std::uint32_t>(std::max<std::int64_t>(end - std::max(at, 0), 0));
    };
    damage.add({begin(region.position.x),
                begin(region.position.y),
                {length(region.position.x, region.size.width),
                 length(region.position.y, region.size.height)}});
  }
  return damage;
}

/// A picture that claims to be like the one before is not believed: a producer that leaves the
/// metadata alone looks like that. Cursor-only buffers of KWin and Mutter say it, and mean it.
Damage believable(const std::optional<Damage>& told, Verdict verdict) {
  switch (verdict) {
    case Verdict::kEmpty: return told.value_or(Damage::nothing());
    case Verdict::kCorrupted: return told.value_or(Damage());
    case Verdict::kPicture: return told && !told->empty() ? *told : Damage();
    case Verdict::kInvalid: break;
  }
  return {};
}

}  // namespace

unsigned dmabuf_plane_count(const spa_buffer& buffer) {
  unsigned count = 0;
  while (count < buffer.n_datas && count < 4 && buffer.datas[count].type == SPA_DATA_DmaBuf)
    ++count;
  return count;
}

BufferLayout read_layout(const spa_buffer& buffer, const VideoFormat& format,
                         const MemoryBounds& bounds, EmptyChunk empty_chunk) {
  if (buffer.n_datas == 0 || buffer.datas[0].chunk == nullptr)
    return invalid("a buffer has no data");
  BufferLayout layout;
  const auto* header = static_cast<const spa_meta_header*>(
      spa_buffer_find_meta_data(&buffer, SPA_META_Header, sizeof(spa_meta_header)));
  if (header != nullptr) {
    layout.pts = header->pts;
    if ((header->flags & SPA_META_HEADER_FLAG_CORRUPTED) != 0) layout.verdict = Verdict::kCorrupted;
  }
  const spa_chunk& first = *buffer.datas[0].chunk;
  if ((first.flags & SPA_CHUNK_FLAG_CORRUPTED) != 0) layout.verdict = Verdict::kCorrupted;
  const std::optional<Damage> told = damaged_part(buffer);
  layout.damage = believable(told, layout.verdict);
  if (layout.verdict == Verdict::kCorrupted) return layout;

  const bool dmabuf = buffer.datas[0].type == SPA_DATA_DmaBuf;
  if (first.size == 0 && empty_chunk == EmptyChunk::kNoPicture) {
    layout.verdict = Verdict::kEmpty;
    layout.damage = believable(told, layout.verdict);
    return layout;
  }

  layout.plane_count = plane_count(format.format);
  const unsigned blocks = dmabuf ? dmabuf_plane_count(buffer) : buffer.n_datas;
  for (unsigned plane = 0; plane < layout.plane_count; ++plane) {
    const PlaneShape shape = plane_shape(format.format, format.size, plane);
    PlaneLayout& out = layout.planes[plane];
    std::uint64_t offset = 0;
    if (plane < blocks && buffer.datas[plane].chunk != nullptr) {
      const spa_chunk& chunk = *buffer.datas[plane].chunk;
      if (chunk.stride <= 0) return invalid("a row pitch is zero or negative");
      out.pitch.bytes = static_cast<std::uint32_t>(chunk.stride);
      offset = bounds.block_offset[plane] + chunk.offset;
    } else {
      // All planes in one block, one behind the other: gamescope's NV12.
      const PlaneLayout& before = layout.planes[plane - 1];
      const PlaneShape above = plane_shape(format.format, format.size, plane - 1);
      out.pitch.bytes = format.format == Fourcc::kI420 && plane == 1 ? (before.pitch.bytes + 1) / 2
                                                                     : before.pitch.bytes;
      offset = before.offset_bytes + std::uint64_t{before.pitch.bytes} * above.rows;
    }
    if (out.pitch.bytes < shape.row_bytes) return invalid("a row pitch is shorter than a row");
    // 32-bit pitch × 15-bit rows + 33-bit offset fits 64 bits.
    const std::uint64_t end =
        offset + std::uint64_t{out.pitch.bytes} * (shape.rows - 1) + shape.row_bytes;
    if (offset > UINT32_MAX) return invalid("a plane's offset is impossible");
    if (!dmabuf && end > bounds.size) return invalid("a plane ends outside its memory");
    out.offset_bytes = static_cast<std::uint32_t>(offset);
    // The valid part of the block must hold the picture. Dmabuf producers leave the size arbitrary,
    // and planar formats in one block often count the first plane only.
    if (plane == 0 && !dmabuf && is_packed_rgb(format.format) && first.size != 0 &&
        std::uint64_t{out.pitch.bytes} * (shape.rows - 1) + shape.row_bytes > first.size) {
      return invalid("a chunk is shorter than the picture");
    }
  }
  layout.crop = visible_part(buffer, format.size);
  layout.verdict = Verdict::kPicture;
  layout.damage = believable(told, layout.verdict);
  return layout;
}

}  // namespace lumen::pipewire
