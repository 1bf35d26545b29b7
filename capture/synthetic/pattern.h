// The moving test picture: a pure function of frame number, size and format, so that a test can
// draw the frame that a barcode names and compare.
//
//   0    ┌──────────────────────────┐
//        │ barcode (barcode.h)      │  redrawn every frame
//   1/8  ├──────────────────────────┤
//        │ gradient                 │
//   1/4  │     ┌────────┬────────┐  │
//        │     │texture │ grain  │  │  stage: the middle quarter of the area, redrawn every frame;
//        │     │ scrolls│        │  │  a box bounces over both halves
//   3/4  │     └────────┴────────┘  │
//   13/16│  ▇▇ ▇▇ ▇▇ ▇▇ ▇▇ ▇▇ ▇▇ ▇▇ │  eight primary colours, static
//   1    └──────────────────────────┘
//
// The grain gives encoders work that they can't predict; its amplitude is small enough that a
// picture which loses it all still has a PSNR near 38 dB.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "capture/synthetic/pixels_view.h"
#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen {

inline constexpr unsigned kPatchCount = 8;

/// Black, white, red, green, blue, cyan, magenta, yellow.
Rgb patch_color(unsigned index);

/// Where patch `index` lies: even coordinates where the picture is large enough to have them.
Rect patch_rect(unsigned index, Extent picture);

Rect stage_rect(Extent picture);

/// Draws frames of one format and size. Holds the tables that make a frame cheap; const, so several
/// threads may draw with one painter into different pictures.
class PatternPainter {
 public:
  /// `format` must be drawable (is_drawable()).
  PatternPainter(Fourcc format, Extent size);

  /// What is the same in every frame: once per buffer.
  void draw_static(const PixelsView& view) const;
  /// What moves, into a buffer that has had draw_static().
  void draw_moving(std::uint32_t number, const PixelsView& view) const;

  void draw(std::uint32_t number, const PixelsView& view) const {
    draw_static(view);
    draw_moving(number, view);
  }

  [[nodiscard]] Fourcc format() const { return format_; }
  [[nodiscard]] Extent size() const { return size_; }

 private:
  /// A texture that repeats in both directions, in the samples of one plane.
  struct Tile {
    std::vector<std::uint8_t> bytes;
    Extent size;                     // samples
    std::uint32_t sample_bytes = 0;  // 4 packed RGB, 1 luma, 2 chroma pair
    unsigned shift = 0;              // log2 of the plane's subsampling
  };

  static Tile make_texture(Fourcc format, unsigned plane);
  static Tile make_noise(Fourcc format);
  void draw_texture(std::uint32_t number, const PixelsView& view, Rect where) const;
  void draw_grain(std::uint32_t number, const PixelsView& view, Rect where) const;
  void draw_box(std::uint32_t number, const PixelsView& view, Rect stage) const;

  Fourcc format_;
  Extent size_;
  std::vector<Tile> texture_;  // one per plane
  Tile noise_;                 // plane 0, one long row
};

}  // namespace lumen
