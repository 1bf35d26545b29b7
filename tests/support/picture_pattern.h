// A picture whose every pixel differs from its neighbours in every channel, written in any packed
// RGB order and compared without regard to the order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include <fmt/format.h>

#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen::test {

struct Rgba {
  std::uint8_t r = 0, g = 0, b = 0, a = 0;
  friend bool operator==(const Rgba&, const Rgba&) = default;
};

/// `seed` makes another picture.
inline Rgba pattern(std::uint32_t x, std::uint32_t y, std::uint32_t seed) {
  std::uint32_t v = x * 0x9e37'79b1U ^ (y + 1) * 0x85eb'ca6bU ^ (seed + 1) * 0xc2b2'ae35U;
  v ^= v >> 15;
  v *= 0x2c1b'3c6dU;
  v ^= v >> 13;
  return {static_cast<std::uint8_t>(v), static_cast<std::uint8_t>(v >> 8),
          static_cast<std::uint8_t>(v >> 16), static_cast<std::uint8_t>(v >> 24)};
}

/// Of ten bits every byte counts: whole words are compared.
inline bool has_alpha(Fourcc format) {
  return format == Fourcc::kBGRA || format == Fourcc::kRGBA || bit_depth(format) == 10;
}
inline bool is_bgr(Fourcc format) { return format == Fourcc::kBGRx || format == Fourcc::kBGRA; }

/// The four bytes of a pixel. Formats without alpha get the pattern's alpha as garbage.
inline std::uint32_t pack(Rgba p, Fourcc format) {
  const std::uint32_t first = is_bgr(format) ? p.b : p.r;
  const std::uint32_t third = is_bgr(format) ? p.r : p.b;
  return first | std::uint32_t{p.g} << 8 | third << 16 | std::uint32_t{p.a} << 24;
}

inline Rgba unpack(std::uint32_t value, Fourcc format) {
  const auto byte = [&](int i) { return static_cast<std::uint8_t>(value >> (8 * i)); };
  Rgba p{byte(0), byte(1), byte(2), byte(3)};
  if (is_bgr(format)) std::swap(p.r, p.b);
  return p;
}

/// Writes the pattern; `bytes` begin at the first pixel.
inline void draw_pattern(std::span<std::byte> bytes, Fourcc format, Extent size, Pitch pitch,
                         std::uint32_t seed) {
  for (std::uint32_t y = 0; y < size.height; ++y) {
    std::byte* const row = bytes.data() + std::size_t{y} * pitch.bytes;
    for (std::uint32_t x = 0; x < size.width; ++x) {
      const std::uint32_t value = pack(pattern(x, y, seed), format);
      std::memcpy(row + std::size_t{x} * 4, &value, 4);
    }
  }
}

/// Empty where `pixels` (without gaps between rows, in `format`) are the pattern that was drawn in
/// `source`; else the first wrong pixel. Alpha counts where both formats have one; where only
/// `format` has one it must be 255.
inline std::string difference(std::span<const std::uint32_t> pixels, Fourcc format, Fourcc source,
                              Extent size, std::uint32_t seed) {
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) {
      Rgba want = pattern(x, y, seed);
      Rgba got = unpack(pixels[std::size_t{y} * size.width + x], format);
      if (!has_alpha(source)) want.a = 255;
      if (!has_alpha(format)) want.a = got.a = 0;
      if (want == got) continue;
      return fmt::format(
          "pixel {},{} of {}x{}: want {:02x}{:02x}{:02x}{:02x}, got "
          "{:02x}{:02x}{:02x}{:02x}",
          x, y, size.width, size.height, want.r, want.g, want.b, want.a, got.r, got.g, got.b,
          got.a);
    }
  }
  return {};
}

}  // namespace lumen::test
