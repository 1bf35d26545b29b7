#include "zerocopy/selftest/prove.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "zerocopy/cuda/buffer_pool.h"
#include "zerocopy/cuda/context.h"

namespace lumen::selftest {
namespace {

// Several tiles wide and high in every layout, with a remainder in both directions.
constexpr Extent kSampleSize{328, 170};

CUDA_MEMCPY2D copy_out(const CudaBuffer& buffer, Extent size) {
  CUDA_MEMCPY2D region{};
  region.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  region.srcDevice = buffer.planes[0];
  region.srcPitch = buffer.pitches[0].bytes;
  region.WidthInBytes = std::size_t{size.width} * 4;
  region.Height = size.height;
  return region;
}

Result<std::vector<std::uint32_t>> download(const CudaBuffer& buffer, Extent size) {
  const cuda::Context& context = *buffer.context;
  auto current = context.make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  std::vector<std::uint32_t> pixels(std::size_t{size.width} * size.height);
  CUDA_MEMCPY2D region = copy_out(buffer, size);
  region.dstMemoryType = CU_MEMORYTYPE_HOST;
  region.dstHost = pixels.data();
  region.dstPitch = std::size_t{size.width} * 4;
  const cuda::Driver& cuda = context.driver();
  return cuda.check(cuda.cuMemcpy2DAsync(&region, context.stream()), "cuMemcpy2DAsync")
      .and_then([&] { return context.synchronize(); })
      .map([&] { return std::move(pixels); });
}

/// Padding (or alpha that an x format does not promise) may be anything.
std::uint32_t color_bits(Fourcc format) {
  return format == Fourcc::kBGRA || format == Fourcc::kRGBA ? 0xffff'ffffU : 0x00ff'ffffU;
}

/// The other byte order: so that the picture goes through the conversion kernel, as a stream's
/// will, and not through a plain copy.
Fourcc swapped(Fourcc format) {
  switch (format) {
    case Fourcc::kBGRx: return Fourcc::kRGBx;
    case Fourcc::kBGRA: return Fourcc::kRGBA;
    case Fourcc::kRGBx: return Fourcc::kBGRx;
    case Fourcc::kRGBA: return Fourcc::kBGRA;
    default: return is_red_first(format) ? Fourcc::kBGRx : Fourcc::kRGBx;
  }
}

/// A pixel of `format` as it comes out.
std::uint32_t swapped(Fourcc format, std::uint32_t pixel) {
  if (bit_depth(format) == 10) {
    const auto eight = [pixel](unsigned bit) { return ((pixel >> bit & 1023) * 255 + 511) / 1023; };
    return eight(20) | eight(10) << 8 | eight(0) << 16;
  }
  return (pixel & 0xff00'ff00U) | (pixel & 0xffU) << 16 | (pixel >> 16 & 0xffU);
}

/// How many pixels are wrong.
Result<std::size_t> import_and_compare(FrameImporter& importer, CapturedFrame frame,
                                       std::span<const std::uint32_t> expected) {
  const Fourcc format = frame.format;
  auto imported = importer.import(std::move(frame));
  if (!imported) return tl::unexpected(std::move(imported.error()));
  const auto* buffer = std::get_if<CudaBuffer>(&imported->payload);
  if (buffer == nullptr) return fail(ErrorKind::kUnsupported, "the route made no GPU picture");
  auto pixels = download(*buffer, imported->size);
  if (!pixels) return tl::unexpected(std::move(pixels.error()));
  const std::uint32_t bits = color_bits(format);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    wrong += ((*pixels)[i] & bits) != (swapped(format, expected[i]) & bits) ? 1 : 0;
  }
  return wrong;
}

Result<void> configure_for(FrameImporter& importer, Fourcc format, Extent size) {
  return importer.configure({.size = size, .format = format, .memory = FrameMemory::kCuda});
}

SampleMaker* maker_for(std::span<const std::unique_ptr<SampleMaker>> makers, Fourcc format,
                       Modifier modifier) {
  const auto found = std::ranges::find_if(
      makers, [&](const auto& maker) { return maker->can_make(format, modifier); });
  return found == makers.end() ? nullptr : found->get();
}

}  // namespace

std::vector<Modifier> Proof::working() const {
  std::vector<Modifier> result;
  for (const ModifierProof& proof : modifiers) {
    if (proof.works) result.push_back(proof.modifier);
  }
  return result;
}

std::string Proof::failure() const {
  if (std::ranges::any_of(modifiers, &ModifierProof::works)) return {};
  if (modifiers.empty()) return "the driver lists no layout that it can import";
  return to_string(modifiers.front().modifier) + ": " + modifiers.front().reason;
}

Result<Proof> prove(FrameImporter& importer, std::span<const std::unique_ptr<SampleMaker>> makers,
                    unsigned bits) {
  Proof proof;
  const auto offers = importer.offers();
  const auto offer = std::ranges::find_if(
      offers, [bits](const FormatOffer& one) { return bit_depth(one.format) == bits; });
  if (offer == offers.end()) return proof;
  const Fourcc format = offer->format;
  if (auto ready = configure_for(importer, swapped(format), kSampleSize); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  const auto pixels = sample_pixels(kSampleSize);
  for (const Modifier modifier : offer->modifiers) {
    ModifierProof& row = proof.modifiers.emplace_back();
    row.modifier = modifier;
    SampleMaker* const maker = maker_for(makers, format, modifier);
    if (maker == nullptr) {
      row.reason = "not proven: nothing on this machine can make such a buffer to test with";
      row.certain = true;
      continue;
    }
    row.maker = maker->name();
    auto sample = maker->make(format, modifier, kSampleSize, pixels);
    if (!sample) {
      row.reason = "not proven: no test buffer: " + sample.error().describe();
      continue;
    }
    auto wrong = import_and_compare(importer, std::move(*sample), pixels);
    if (!wrong) {
      if (wrong.error().kind == ErrorKind::kDeviceLost) {
        return tl::unexpected(std::move(wrong.error()));
      }
      row.reason = wrong.error().describe();
      continue;
    }
    row.certain = true;
    row.works = *wrong == 0;
    if (!row.works) {
      row.reason =
          fmt::format("{} of {} pixels of a test picture are wrong", *wrong, pixels.size());
    }
  }
  return proof;
}

Result<Nanoseconds> time_per_frame(FrameImporter& importer, SampleMaker& maker, Fourcc format,
                                   Modifier modifier, Extent size, unsigned frames) {
  if (auto ready = configure_for(importer, Fourcc::kNV12, size); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  auto sample = maker.make(format, modifier, size, sample_pixels(size));
  if (!sample) return tl::unexpected(std::move(sample.error()));
  std::vector<Nanoseconds> times;
  for (unsigned i = 0; i < frames + 5; ++i) {  // the first ones import and warm up
    CapturedFrame frame;
    frame.image = sample->image;
    frame.format = format;
    frame.size = sample->size;
    frame.crop = sample->crop;
    const Timestamp begin = now();
    auto imported = importer.import(std::move(frame));
    if (!imported) return tl::unexpected(std::move(imported.error()));
    const auto* buffer = std::get_if<CudaBuffer>(&imported->payload);
    if (buffer == nullptr) return fail(ErrorKind::kUnsupported, "the route made no GPU picture");
    auto current = buffer->context->make_current();
    if (!current) return tl::unexpected(std::move(current.error()));
    if (auto done = buffer->context->synchronize(); !done) {
      return tl::unexpected(std::move(done.error()));
    }
    if (i >= 5) times.push_back(now() - begin);
  }
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

Result<Nanoseconds> time_device_copy(const std::shared_ptr<const cuda::Context>& context,
                                     Extent size, unsigned frames) {
  auto current = context->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  auto pool = cuda::BufferPool::create(context, Fourcc::kBGRx, size, 2);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  auto from = (*pool)->acquire();
  auto to = (*pool)->acquire();
  if (!from || !to) return tl::unexpected(std::move((from ? to : from).error()));
  CUDA_MEMCPY2D region = copy_out(*from, size);
  region.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  region.dstDevice = to->planes[0];
  region.dstPitch = to->pitches[0].bytes;
  const cuda::Driver& cuda = context->driver();
  std::vector<Nanoseconds> times;
  for (unsigned i = 0; i < frames + 5; ++i) {
    const Timestamp begin = now();
    auto done = cuda.check(cuda.cuMemcpy2DAsync(&region, context->stream()), "cuMemcpy2DAsync")
                    .and_then([&] { return context->synchronize(); });
    if (!done) return tl::unexpected(std::move(done.error()));
    if (i >= 5) times.push_back(now() - begin);
  }
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

}  // namespace lumen::selftest
