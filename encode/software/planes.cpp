#include "encode/software/planes.h"

#include <cstddef>
#include <variant>

namespace lumen::software {
namespace {

constexpr unsigned kUnusedBits = 6;

const std::uint16_t* row_of(const Planes& planes, std::size_t plane, std::uint32_t y) {
  return reinterpret_cast<const std::uint16_t*>(planes.data[plane] +
                                                std::ptrdiff_t{planes.strides[plane]} * y);
}

std::uint8_t* bytes(std::uint16_t* words) { return reinterpret_cast<std::uint8_t*>(words); }

}  // namespace

Result<Planes> planes_of(const Frame& frame, Fourcc wanted) {
  const auto* const image = std::get_if<CpuImage>(&frame.payload);
  if (image == nullptr || image->format != wanted) {
    return fail(ErrorKind::kInvalidArgument, "wants " + to_string(wanted) + " in host memory");
  }
  Planes planes;
  for (std::size_t i = 0; i < plane_count(wanted); ++i) {
    planes.data[i] = image->planes[i];
    planes.strides[i] = static_cast<int>(image->pitches[i].bytes);
  }
  return planes;
}

Planes WordShifter::to_low_end(const Planes& source, Fourcc format, Extent size) {
  const std::size_t luma = std::size_t{size.width} * size.height;
  const bool interleaved = format == Fourcc::kP010;
  words_.resize(interleaved ? luma * 3 / 2 : luma * 3);
  Planes low;
  std::uint16_t* out = words_.data();
  for (std::size_t plane = 0; plane < (interleaved ? 2U : 3U); ++plane) {
    low.data[plane] = bytes(out);
    low.strides[plane] = static_cast<int>(size.width * sizeof(std::uint16_t));
    const std::uint32_t rows = interleaved && plane == 1 ? size.height / 2 : size.height;
    for (std::uint32_t y = 0; y < rows; ++y, out += size.width) {
      const std::uint16_t* const in = row_of(source, plane, y);
      for (std::uint32_t x = 0; x < size.width; ++x) {
        out[x] = static_cast<std::uint16_t>(in[x] >> kUnusedBits);
      }
    }
  }
  return low;
}

Planes ChromaSplitter::to_three_planes(const Planes& source, Extent size) {
  const Extent half{size.width / 2, size.height / 2};
  const std::size_t count = std::size_t{half.width} * half.height;
  words_.resize(count * 2);
  std::uint16_t* blue = words_.data();
  std::uint16_t* red = blue + count;
  Planes split;
  split.data = {source.data[0], bytes(blue), bytes(red)};
  const int stride = static_cast<int>(half.width * sizeof(std::uint16_t));
  split.strides = {source.strides[0], stride, stride};
  for (std::uint32_t y = 0; y < half.height; ++y, blue += half.width, red += half.width) {
    const std::uint16_t* const in = row_of(source, 1, y);
    for (std::uint32_t x = 0; x < half.width; ++x) {
      blue[x] = in[2 * std::size_t{x}];
      red[x] = in[2 * std::size_t{x} + 1];
    }
  }
  return split;
}

}  // namespace lumen::software
