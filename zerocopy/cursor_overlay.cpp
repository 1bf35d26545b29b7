#include "zerocopy/cursor_overlay.h"

#include <algorithm>
#include <cmath>

#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

/// Weighted by alpha, 0 to 1.
struct Color {
  double red = 0;
  double green = 0;
  double blue = 0;
  double alpha = 0;

  Color& operator+=(const Color& other) {
    red += other.red;
    green += other.green;
    blue += other.blue;
    alpha += other.alpha;
    return *this;
  }
  Color operator*(double weight) const {
    return {red * weight, green * weight, blue * weight, alpha * weight};
  }
};

/// One axis: how the frame's pixels cover those of the cursor's shape.
struct Axis {
  std::int64_t origin;  // the shape's first pixel, counted from the visible part's first
  std::int64_t shape;   // its pixels
  std::int64_t source;  // pixels of the visible part
  std::int64_t place;   // where that begins in the frame
  std::int64_t target;  // and how many of the frame's pixels it fills

  /// What frame pixel `at` covers, in pixels of the shape: a box at least one pixel wide, as the
  /// picture is scaled.
  struct Box {
    double begin, end;
  };
  [[nodiscard]] Box box(std::int64_t at) const {
    const double scale = static_cast<double>(source) / static_cast<double>(target);
    const double centre = (static_cast<double>(at - place) + 0.5) * scale;
    const double half = std::max(scale, 1.0) / 2;
    const auto from = static_cast<double>(origin);
    return {centre - half - from, centre + half - from};
  }
  /// The frame's pixels that may show some of the shape: within the picture, both ends even.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> reach() const {
    const auto scale = static_cast<double>(target) / static_cast<double>(source);
    const auto at = [&](std::int64_t pixel) { return static_cast<double>(pixel) * scale; };
    const std::int64_t slack = source == target ? 0 : static_cast<std::int64_t>(scale) + 2;
    const auto begin = static_cast<std::int64_t>(std::floor(at(origin))) - slack;
    const auto end = static_cast<std::int64_t>(std::ceil(at(origin + shape))) + slack;
    const auto inside = [&](std::int64_t value) {
      return place + std::clamp<std::int64_t>(value, 0, target);
    };
    return {inside(begin) / 2 * 2, (inside(end) + 1) / 2 * 2};
  }
};

Color pixel_of(const CursorShape& shape, std::int64_t x, std::int64_t y) {
  const auto index = static_cast<std::size_t>(y) * shape.size.width + static_cast<std::size_t>(x);
  const std::uint8_t* const at = shape.pixels.data() + index * 4;
  return {at[0] / 255.0, at[1] / 255.0, at[2] / 255.0, at[3] / 255.0};
}

/// The shape under one pixel of the frame; nothing lies beside it.
Color cover(const CursorShape& shape, const Axis::Box& across, const Axis::Box& down) {
  const auto first = [](double begin) {
    return std::max<std::int64_t>(static_cast<std::int64_t>(std::floor(begin)), 0);
  };
  const auto share = [](const Axis::Box& box, std::int64_t pixel) {
    const auto at = static_cast<double>(pixel);
    return std::min(box.end, at + 1) - std::max(box.begin, at);
  };
  Color sum;
  for (std::int64_t y = first(down.begin);
       y < shape.size.height && static_cast<double>(y) < down.end; ++y) {
    for (std::int64_t x = first(across.begin);
         x < shape.size.width && static_cast<double>(x) < across.end; ++x) {
      sum += pixel_of(shape, x, y) * (share(across, x) * share(down, y));
    }
  }
  return sum * (1 / ((across.end - across.begin) * (down.end - down.begin)));
}

/// `value` in code values, of at most `most`.
cuda::OverlaySample sample_of(double value, double alpha, double most) {
  const auto weight =
      static_cast<unsigned>(std::lround(std::clamp(alpha, 0.0, 1.0) * cuda::kOpaque));
  const double highest = most * weight;
  return {static_cast<unsigned>(std::lround(std::clamp(value * cuda::kOpaque, 0.0, highest))),
          weight};
}

/// H.273 section 8.3.
class Matrix {
 public:
  Matrix(const ColorDescription& color, bool ten_bits)
      : weights_(luma_weights(color.matrix)),
        unit_(ten_bits ? 4 : 1),
        most_(ten_bits ? 1023 : 255),
        limited_(color.range == ColorRange::kLimited) {}

  [[nodiscard]] cuda::OverlaySample luma(const Color& color) const {
    const double value = grey(color);
    return sample_of(limited_ ? (16 * color.alpha + 219 * value) * unit_ : most_ * value,
                     color.alpha, most_);
  }
  [[nodiscard]] cuda::OverlaySample blue(const Color& color) const {
    return chroma((color.blue - grey(color)) / (2 * (1 - weights_.kb)), color.alpha);
  }
  [[nodiscard]] cuda::OverlaySample red(const Color& color) const {
    return chroma((color.red - grey(color)) / (2 * (1 - weights_.kr)), color.alpha);
  }

 private:
  [[nodiscard]] double grey(const Color& color) const {
    return weights_.kr * color.red + (1 - weights_.kr - weights_.kb) * color.green +
           weights_.kb * color.blue;
  }
  [[nodiscard]] cuda::OverlaySample chroma(double difference, double alpha) const {
    const double span = limited_ ? 224 * unit_ : most_;
    return sample_of(128 * unit_ * alpha + span * difference, alpha, most_);
  }

  LumaWeights weights_;
  double unit_;  // code values to one of eight bits
  double most_;
  bool limited_;
};

OverlayChannel channel(unsigned plane, const Rect& rect, std::uint32_t offset_bytes,
                       std::uint32_t step_bytes) {
  OverlayChannel result{plane, rect, offset_bytes, step_bytes, {}};
  result.samples.reserve(std::size_t{rect.size.width} * rect.size.height);
  return result;
}

/// What lies over the frame's pixels in `rect`, row by row.
std::vector<Color> colors_over(const CursorShape& shape, const Rect& rect, const Axis& across,
                               const Axis& down) {
  std::vector<Color> colors;
  colors.reserve(std::size_t{rect.size.width} * rect.size.height);
  for (std::uint32_t y = 0; y < rect.size.height; ++y) {
    const Axis::Box rows = down.box(std::int64_t{rect.y} + y);
    for (std::uint32_t x = 0; x < rect.size.width; ++x) {
      colors.push_back(cover(shape, across.box(std::int64_t{rect.x} + x), rows));
    }
  }
  return colors;
}

void fill_packed(CursorOverlay& overlay, const std::vector<Color>& colors, Fourcc format) {
  const bool red_first = is_red_first(format);
  for (std::uint32_t byte = 0; byte < 3; ++byte) {
    overlay.channels[byte] = channel(0, overlay.rect, byte, 4);
    for (const Color& color : colors) {
      const double value = byte == 1                  ? color.green
                           : (byte == 0) == red_first ? color.red
                                                      : color.blue;
      overlay.channels[byte].samples.push_back(sample_of(255 * value, color.alpha, 255));
    }
  }
}

/// The mean of each 2×2 block.
std::vector<Color> halve(const std::vector<Color>& colors, Extent size) {
  std::vector<Color> result;
  for (std::size_t y = 0; y < size.height; y += 2) {
    for (std::size_t x = 0; x < size.width; x += 2) {
      Color sum;
      for (const std::size_t at : {y * size.width + x, (y + 1) * size.width + x}) {
        sum += colors[at];
        sum += colors[at + 1];
      }
      result.push_back(sum * 0.25);
    }
  }
  return result;
}

void fill_yuv(CursorOverlay& overlay, const std::vector<Color>& colors,
              const CursorPlacement& placement) {
  const Rect& rect = overlay.rect;
  const std::uint32_t sample = is_ten_bit(placement.format) ? 2 : 1;
  const bool full = is_full_chroma(placement.format);
  const bool pairs = plane_count(placement.format) == 2;
  const Rect half{rect.x / 2, rect.y / 2, {rect.size.width / 2, rect.size.height / 2}};
  const Rect& chroma_rect = full ? rect : half;
  const std::uint32_t step = pairs ? 2 * sample : sample;
  auto& [luma, blue, red] = overlay.channels;
  luma = channel(0, rect, 0, sample);
  blue = channel(1, chroma_rect, 0, step);
  red = channel(pairs ? 1 : 2, chroma_rect, pairs ? sample : 0, step);

  const Matrix matrix(placement.color, sample == 2);
  for (const Color& color : colors) luma.samples.push_back(matrix.luma(color));
  for (const Color& color : full ? colors : halve(colors, rect.size)) {
    blue.samples.push_back(matrix.blue(color));
    red.samples.push_back(matrix.red(color));
  }
}

}  // namespace

CursorOverlay make_overlay(const Cursor& cursor, const CursorPlacement& placement) {
  CursorOverlay overlay;
  if (cursor.shape == nullptr || placement.visible.size.empty() || placement.frame.empty()) {
    return overlay;
  }
  const CursorShape& shape = *cursor.shape;
  const Rect& visible = placement.visible;
  const Extent source = even_size(visible.size);
  const Rect inner = source == placement.frame || visible.size == placement.frame
                         ? Rect{0, 0, placement.frame}
                         : fit_rectangle(source, placement.frame);
  const auto axis = [](std::int64_t at, std::uint32_t pixels, std::uint32_t begin,
                       std::uint32_t length, std::uint32_t place, std::uint32_t target) {
    // An odd side was rounded up before anything else.
    return Axis{at - begin, pixels, target == length ? length : length + length % 2, place, target};
  };
  const Axis across =
      axis(cursor.x, shape.size.width, visible.x, visible.size.width, inner.x, inner.size.width);
  const Axis down =
      axis(cursor.y, shape.size.height, visible.y, visible.size.height, inner.y, inner.size.height);
  const auto [left, right] = across.reach();
  const auto [top, bottom] = down.reach();
  if (left >= right || top >= bottom) return overlay;
  const auto pixels = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  overlay.rect = {pixels(left),
                  pixels(top),
                  {std::min(pixels(right), placement.frame.width) - pixels(left),
                   std::min(pixels(bottom), placement.frame.height) - pixels(top)}};
  const std::vector<Color> colors = colors_over(shape, overlay.rect, across, down);
  if (is_packed_rgb(placement.format)) {
    fill_packed(overlay, colors, placement.format);
  } else {
    fill_yuv(overlay, colors, placement);
  }
  return overlay;
}

}  // namespace lumen
