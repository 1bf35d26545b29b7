#include "support/host_image.h"

#include <cstring>
#include <memory>
#include <utility>

namespace lumen::test {

bool deep(Fourcc format) { return format == Fourcc::kP010 || format == Fourcc::kQ410; }

namespace {

bool full_chroma(Fourcc format) { return format == Fourcc::kI444 || format == Fourcc::kQ410; }
bool interleaved(Fourcc format) { return format == Fourcc::kNV12 || format == Fourcc::kP010; }
std::uint32_t bytes_of(Fourcc format) { return deep(format) ? 2 : 1; }

std::uint8_t* place(const CpuImage& image, unsigned plane, std::uint32_t x, std::uint32_t y) {
  const bool pairs = plane > 0 && interleaved(image.format);
  const std::size_t memory_plane = pairs ? 1 : plane;
  const std::size_t column = pairs ? std::size_t{x} * 2 + plane - 1 : x;
  return image.planes[memory_plane] + std::size_t{y} * image.pitches[memory_plane].bytes +
         column * bytes_of(image.format);
}

}  // namespace

Extent chroma_size(Fourcc format, Extent size) {
  return full_chroma(format) ? size : Extent{size.width / 2, size.height / 2};
}

CpuImage make_image(Fourcc format, Extent size) {
  const std::size_t luma = std::size_t{size.width} * size.height * bytes_of(format);
  const Extent half = chroma_size(format, size);
  const std::size_t chroma = std::size_t{half.width} * half.height * bytes_of(format);
  CpuImage image;
  image.format = format;
  image.memory = std::shared_ptr<std::uint8_t>(new std::uint8_t[luma + 2 * chroma],
                                               std::default_delete<std::uint8_t[]>());
  std::uint8_t* const p = image.memory.get();
  const std::uint32_t row = half.width * bytes_of(format);
  image.planes = {p, p + luma, interleaved(format) ? nullptr : p + luma + chroma};
  image.pitches = {Pitch{size.width * bytes_of(format)}, Pitch{interleaved(format) ? 2 * row : row},
                   Pitch{row}};
  return image;
}

void set_sample(CpuImage& image, unsigned plane, std::uint32_t x, std::uint32_t y,
                std::uint8_t value) {
  std::uint8_t* const at = place(image, plane, x, y);
  if (bytes_of(image.format) == 1) {
    *at = value;
  } else {
    const auto word = static_cast<std::uint16_t>(value << 8);
    std::memcpy(at, &word, sizeof(word));
  }
}

std::uint8_t sample(const CpuImage& image, unsigned plane, std::uint32_t x, std::uint32_t y) {
  const std::uint8_t* const at = place(image, plane, x, y);
  if (bytes_of(image.format) == 1) return *at;
  std::uint16_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return static_cast<std::uint8_t>(word >> 8);
}

Frame frame_of(CpuImage image, Extent size, std::uint64_t number) {
  Frame frame;
  frame.payload = std::move(image);
  frame.size = size;
  frame.times.id = number;
  return frame;
}

}  // namespace lumen::test
