// A writable picture in host memory and the few drawing operations that the test pattern needs, for
// packed RGB and NV12 (BT.709 limited range). Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen {

struct Rgb {
  std::uint8_t r = 0;
  std::uint8_t g = 0;
  std::uint8_t b = 0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

/// 8-bit BT.709 limited range: Y 16..235, Cb and Cr 16..240.
struct YCbCr {
  std::uint8_t y = 16;
  std::uint8_t cb = 128;
  std::uint8_t cr = 128;
  friend bool operator==(const YCbCr&, const YCbCr&) = default;
};

YCbCr to_bt709_limited(Rgb color);

/// Borrows the pixels; whoever makes it guarantees that all rows of all planes are writable.
struct PixelsView {
  Fourcc format = Fourcc::kNone;
  Extent size;
  std::array<std::uint8_t*, 2> planes{};  // the second one is NV12's CbCr plane, else null
  std::array<Pitch, 2> pitches{};
};

/// True for the formats that the functions below draw into.
bool is_drawable(Fourcc format);

/// Bytes of visible pixels in a row of plane 0; the smallest pitch.
std::uint32_t row_bytes(Fourcc format, std::uint32_t width);

/// Bytes of a whole picture whose planes lie one after the other with the same pitch.
std::size_t picture_bytes(Fourcc format, std::uint32_t height, Pitch pitch);

/// A view of such a picture. `memory` holds at least picture_bytes().
PixelsView view_pixels(std::uint8_t* memory, Fourcc format, Extent size, Pitch pitch);

/// The colour as a packed pixel, alpha or padding opaque. Packed RGB formats only.
std::uint32_t pack(Fourcc format, Rgb color);

/// Fills what of the rectangle lies inside the view. In NV12 every chroma sample that the rectangle
/// touches takes its colour.
void fill_rect(const PixelsView& view, Rect rect, Rgb color);

}  // namespace lumen
