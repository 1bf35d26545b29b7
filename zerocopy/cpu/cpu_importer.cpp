#include "zerocopy/cpu/cpu_importer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "zerocopy/cpu/convert.h"
#include "zerocopy/cpu/scale.h"
#include "zerocopy/cpu/source_picture.h"
#include "zerocopy/frame_color.h"
#include "zerocopy/frame_damage.h"
#include "zerocopy/producer_fence.h"

namespace lumen::cpu {
namespace {

constexpr std::array kFormats = {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA,
                                 Fourcc::kNV12, Fourcc::kXR30, Fourcc::kXB30, Fourcc::kAR30,
                                 Fourcc::kAB30, Fourcc::kP010};

TargetPicture writable(const CpuImage& image, Extent size) {
  return {image.format, size, image.planes, image.pitches};
}

/// An error that the caller of import() knows what to do with.
tl::unexpected<Error> as_kind(ErrorKind kind, Error error) {
  error.kind = kind;
  return with_context("captured frame", std::move(error));
}

/// Is this a combination that offers() has named?
Result<void> check(const CapturedFrame& captured) {
  if (!captured.has_picture()) return fail(ErrorKind::kRetry, "captured frame has no picture");
  if (std::ranges::find(kFormats, captured.format) == kFormats.end()) {
    return fail(ErrorKind::kFormatRejected, "the CPU can't read " + to_string(captured.format));
  }
  const auto* dmabuf = std::get_if<DmaBufImage>(&captured.image);
  if (dmabuf != nullptr && dmabuf->modifier != kModifierLinear) {
    return fail(ErrorKind::kFormatRejected,
                "the CPU can't read modifier " + to_string(dmabuf->modifier));
  }
  return {};
}

/// The pixels of the buffer that `part` of its visible part is made of: an odd side has one less.
Rect pixels_of(const Rect& part, const Rect& visible) {
  return {visible.x + part.x,
          visible.y + part.y,
          {std::min(part.size.width, visible.size.width - part.x),
           std::min(part.size.height, visible.size.height - part.y)}};
}

std::string_view route_name(const CapturedFrame& captured, bool scaled) {
  if (std::holds_alternative<ShmImage>(captured.image)) {
    return scaled ? "cpu/shm scaled" : "cpu/shm";
  }
  return scaled ? "cpu/dmabuf-mmap scaled" : "cpu/dmabuf-mmap";
}

}  // namespace

std::unique_ptr<FrameImporter> CpuImporter::make(CpuImporterSettings settings) {
  return std::make_unique<CpuImporter>(std::move(settings));
}

CpuImporter::CpuImporter(CpuImporterSettings settings)
    : settings_(std::move(settings)), dmabufs_(settings_.dmabuf_sync) {}

std::vector<FormatOffer> CpuImporter::offers() const {
  std::vector<FormatOffer> result;
  for (const Fourcc format : kFormats) result.push_back({format, {}});
  for (const Fourcc format : kFormats) result.push_back({format, {kModifierLinear}});
  return result;
}

Result<void> CpuImporter::configure(const ImportTarget& target) {
  target_ = target;
  if (is_packed_rgb(target.format)) target_.format = target.converted;
  auto pool = ImagePool::create(target_.format, target.size, settings_.pool_images);
  if (!pool) return with_context("import target", std::move(pool.error()));
  if (!pool_ || pool_->size() != target_.size || pool_->format() != target_.format) {
    pool_ = std::move(*pool);
    staging_.reset();
  }
  stale_.forget();
  return {};
}

Result<Frame> CpuImporter::import(CapturedFrame captured) {
  if (!pool_) return fail(ErrorKind::kInvalidArgument, "the importer has no target yet");
  captured.times.mark(Stage::kConvertBegin);
  if (auto takes = check(captured); !takes) return tl::unexpected(std::move(takes.error()));
  const auto visible = visible_part(captured);
  if (!visible) return as_kind(ErrorKind::kRetry, visible.error());
  const Extent converted_size = even_size(visible->size);
  const bool scaled = converted_size != target_.size;
  const Source source{captured.format, captured.size, *visible, captured.color};
  if (std::exchange(source_, source) != source) stale_.forget();
  stale_.changed(damage_in_frame(captured.damage, *visible, converted_size));
  auto image = pool_->acquire();
  if (!image) return tl::unexpected(std::move(image.error()));

  const ColorDescription color = imported_color(captured.format, captured.color, target_.color);
  if (!scaled) {
    if (auto done = update(*image, captured, *visible); !done) {
      return tl::unexpected(std::move(done.error()));
    }
  } else {
    auto staging = stage(captured, *visible);
    if (!staging) return tl::unexpected(std::move(staging.error()));
    captured.lease.drop();
    auto done = scale_letterboxed(writable(*staging, converted_size).readable(),
                                  writable(*image, target_.size), color.range);
    if (!done) return tl::unexpected(std::move(done.error()));
  }
  captured.lease.drop();
  captured.times.mark(Stage::kConverted);
  route_ = route_name(captured, scaled);
  return Frame{std::move(*image), target_.size, color, captured.times};
}

Result<CpuImage> CpuImporter::stage(const CapturedFrame& captured, const Rect& visible) {
  const Extent size = even_size(visible.size);
  if (!staging_ || staging_->size() != size) {
    auto pool = ImagePool::create(target_.format, size, 1);
    if (!pool) return tl::unexpected(std::move(pool.error()));
    staging_ = std::move(*pool);
    stale_.forget();
  }
  auto image = staging_->acquire();
  if (!image) return image;
  if (auto done = update(*image, captured, visible); !done) {
    return tl::unexpected(std::move(done.error()));
  }
  return image;
}

Result<void> CpuImporter::update(const CpuImage& image, const CapturedFrame& captured,
                                 const Rect& visible) {
  const Extent size = even_size(visible.size);
  const Rect whole{0, 0, size};
  const Damage stale = stale_.of(image.memory.get());
  const auto parts = stale.known() ? stale.rects() : std::span(&whole, 1);
  auto done = read(captured, visible, writable(image, size), parts);
  if (done) stale_.updated(image.memory.get());
  return done;
}

Result<void> CpuImporter::read(const CapturedFrame& captured, const Rect& visible,
                               const TargetPicture& into, std::span<const Rect> parts) {
  const auto convert_from = [&](std::span<const PlaneLayout> layouts,
                                const PlaneMemory& memory) -> Result<void> {
    for (const Rect& part : parts) {
      const auto picture = locate_picture(captured, pixels_of(part, visible), layouts, memory);
      if (!picture) return tl::unexpected(picture.error());
      auto done = convert(*picture, part_of(into, part), target_.color);
      if (!done) return done;
    }
    return {};
  };
  if (const auto* shm = std::get_if<ShmImage>(&captured.image)) {
    if (shm->memory == nullptr) return fail(ErrorKind::kRetry, "captured frame has no memory");
    const HostMemory::ReadScope scope = shm->memory->read();
    const auto bytes = scope.bytes();
    if (bytes.empty()) return fail(ErrorKind::kRetry, "the producer took its memory back");
    // The source has checked the layout: when it no longer fits, the memory has changed meanwhile.
    auto done = convert_from(shm->planes, {bytes, bytes, bytes, bytes});
    return done ? done : as_kind(ErrorKind::kRetry, std::move(done.error()));
  }
  const DmaBufImage& image = std::get<DmaBufImage>(captured.image);
  if (image.memory == nullptr || image.memory->plane_count() == 0) {
    return fail(ErrorKind::kRetry, "captured frame has no memory");
  }
  if (auto there = wait_until_acquired(captured, settings_.producer_limit); !there) {
    return tl::unexpected(std::move(there.error()));
  }
  const auto scope = dmabufs_.read(image.memory);
  if (!scope) return tl::unexpected(scope.error());
  PlaneMemory memory;
  for (unsigned plane = 0; plane < memory.size(); ++plane) {
    // Producers that put all planes into one dmabuf may pass it only once.
    memory[plane] = scope->bytes(std::min(plane, image.memory->plane_count() - 1));
  }
  const std::size_t layouts = std::min<std::size_t>(image.plane_count, image.planes.size());
  auto done = convert_from(std::span(image.planes).first(layouts), memory);
  return done ? done : as_kind(ErrorKind::kFormatRejected, std::move(done.error()));
}

}  // namespace lumen::cpu
