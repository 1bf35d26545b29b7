#include "picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lumen::sim::nvenc {
namespace {

struct Weights {
  double red = 0.2126;
  double blue = 0.0722;
};

Weights weights_of(unsigned matrix) {
  if (matrix == 5 || matrix == 6) return {0.299, 0.114};
  if (matrix == 9) return {0.2627, 0.0593};
  return {};
}

/// RGB to limited-range YUV in 16.16 fixed point.
struct Matrix {
  std::array<std::int32_t, 9> m{};
  explicit Matrix(Weights w) {
    const double green = 1 - w.red - w.blue;
    const double luma = 219.0 / 255;
    const double u = 224.0 / 255 / (2 * (1 - w.blue));
    const double v = 224.0 / 255 / (2 * (1 - w.red));
    const std::array<double, 9> exact{luma * w.red,    luma * green, luma * w.blue,
                                      -u * w.red,      -u * green,   u * (1 - w.blue),
                                      v * (1 - w.red), -v * green,   -v * w.blue};
    std::ranges::transform(exact, m.begin(), [](double value) {
      return static_cast<std::int32_t>(std::lround(value * 65536));
    });
  }
  [[nodiscard]] std::uint8_t at(std::size_t row, int r, int g, int b, int offset,
                                int samples) const {
    const std::int64_t sum = std::int64_t{m[row * 3]} * r + std::int64_t{m[row * 3 + 1]} * g +
                             std::int64_t{m[row * 3 + 2]} * b;
    // The division rounds towards zero, so the offset goes in first.
    const std::int64_t one = std::int64_t{65536} * samples;
    const std::int64_t scaled = (sum + offset * one + one / 2) / one;
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(scaled, 0, 255));
  }
};

void convert_rgb(Picture& out, const std::vector<std::uint8_t>& in, std::size_t red,
                 std::size_t blue, unsigned matrix) {
  const Matrix to_yuv(weights_of(matrix));
  const auto width = static_cast<std::size_t>(out.width);
  const auto height = static_cast<std::size_t>(out.height);
  const auto pixel = [&](std::size_t x, std::size_t y) { return in.data() + (y * width + x) * 4; };
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const auto* p = pixel(x, y);
      out.planes[0][y * width + x] = to_yuv.at(0, p[red], p[1], p[blue], 16, 1);
    }
  }
  const std::size_t step = out.full_chroma ? 1 : 2;
  const auto stride = static_cast<std::size_t>(out.strides[1]);
  for (std::size_t y = 0; y < height; y += step) {
    for (std::size_t x = 0; x < width; x += step) {
      int r = 0;
      int g = 0;
      int b = 0;
      for (std::size_t dy = 0; dy < step; ++dy) {
        for (std::size_t dx = 0; dx < step; ++dx) {
          const auto* p = pixel(std::min(x + dx, width - 1), std::min(y + dy, height - 1));
          r += p[red];
          g += p[1];
          b += p[blue];
        }
      }
      const int samples = static_cast<int>(step * step);
      const std::size_t at = y / step * stride + x / step;
      out.planes[1][at] = to_yuv.at(1, r, g, b, 128, samples);
      out.planes[2][at] = to_yuv.at(2, r, g, b, 128, samples);
    }
  }
}

void split_chroma(Picture& out, const std::vector<std::uint8_t>& in, std::size_t sample_bytes) {
  const std::size_t samples = out.planes[1].size() / sample_bytes;
  for (std::size_t i = 0; i < samples; ++i) {
    std::memcpy(&out.planes[1][i * sample_bytes], &in[i * 2 * sample_bytes], sample_bytes);
    std::memcpy(&out.planes[2][i * sample_bytes], &in[(i * 2 + 1) * sample_bytes], sample_bytes);
  }
}

/// NVENC keeps 10 bits in the upper end of 16; x265 wants them in the lower.
void shift_down(std::vector<std::uint8_t>& plane) {
  for (std::size_t i = 0; i + 1 < plane.size(); i += 2) {
    const unsigned value = (plane[i] | unsigned{plane[i + 1]} << 8) >> 6;
    plane[i] = static_cast<std::uint8_t>(value);
    plane[i + 1] = static_cast<std::uint8_t>(value >> 8);
  }
}

}  // namespace

bool is_ten_bit(NV_ENC_BUFFER_FORMAT format) {
  return format == NV_ENC_BUFFER_FORMAT_YUV420_10BIT || format == NV_ENC_BUFFER_FORMAT_YUV444_10BIT;
}

bool is_444(NV_ENC_BUFFER_FORMAT format) {
  return format == NV_ENC_BUFFER_FORMAT_YUV444 || format == NV_ENC_BUFFER_FORMAT_YUV444_10BIT;
}

bool is_rgb(NV_ENC_BUFFER_FORMAT format) {
  return format == NV_ENC_BUFFER_FORMAT_ARGB || format == NV_ENC_BUFFER_FORMAT_ABGR;
}

std::size_t row_bytes_of(NV_ENC_BUFFER_FORMAT format, std::size_t width) {
  if (is_rgb(format)) return width * 4;
  return is_ten_bit(format) ? width * 2 : width;
}

std::vector<PlaneLayout> planes_of(NV_ENC_BUFFER_FORMAT format, std::size_t width,
                                   std::size_t height, std::size_t pitch,
                                   std::size_t buffer_height) {
  const std::size_t luma_bytes = row_bytes_of(format, width);
  const std::size_t chroma_rows = (height + 1) / 2;
  const std::size_t luma_size = pitch * buffer_height;
  switch (format) {
    case NV_ENC_BUFFER_FORMAT_NV12:
    case NV_ENC_BUFFER_FORMAT_YUV420_10BIT: {
      const std::size_t row = row_bytes_of(format, (width + 1) / 2 * 2);
      return {{0, pitch, luma_bytes, height}, {luma_size, pitch, row, chroma_rows}};
    }
    case NV_ENC_BUFFER_FORMAT_YV12:
    case NV_ENC_BUFFER_FORMAT_IYUV: {
      const std::size_t row = (width + 1) / 2;
      const std::size_t chroma_size = pitch / 2 * ((buffer_height + 1) / 2);
      return {{0, pitch, luma_bytes, height},
              {luma_size, pitch / 2, row, chroma_rows},
              {luma_size + chroma_size, pitch / 2, row, chroma_rows}};
    }
    case NV_ENC_BUFFER_FORMAT_YUV444:
    case NV_ENC_BUFFER_FORMAT_YUV444_10BIT:
      return {{0, pitch, luma_bytes, height},
              {luma_size, pitch, luma_bytes, height},
              {luma_size * 2, pitch, luma_bytes, height}};
    case NV_ENC_BUFFER_FORMAT_ARGB:
    case NV_ENC_BUFFER_FORMAT_ABGR: return {{0, pitch, luma_bytes, height}};
    default: return {};
  }
}

std::size_t size_of(NV_ENC_BUFFER_FORMAT format, std::size_t width, std::size_t height,
                    std::size_t pitch) {
  std::size_t end = 0;
  for (const PlaneLayout& plane : planes_of(format, width, height, pitch, height)) {
    end = std::max(end, plane.offset + plane.pitch * (plane.rows - 1) + plane.row_bytes);
  }
  return end;
}

Picture convert(NV_ENC_BUFFER_FORMAT format, const RawPlanes& raw, int width, int height,
                unsigned matrix, bool full_chroma) {
  Picture out;
  out.width = width;
  out.height = height;
  out.ten_bit = is_ten_bit(format);
  out.full_chroma = is_444(format) || (is_rgb(format) && full_chroma);
  const int sample_bytes = out.ten_bit ? 2 : 1;
  const int chroma_width = out.full_chroma ? width : (width + 1) / 2;
  const int chroma_height = out.full_chroma ? height : (height + 1) / 2;
  out.strides = {width * sample_bytes, chroma_width * sample_bytes, chroma_width * sample_bytes};
  for (std::size_t i = 0; i < 3; ++i) {
    out.planes[i].resize(static_cast<std::size_t>(out.strides[i]) *
                         static_cast<std::size_t>(i == 0 ? height : chroma_height));
  }
  switch (format) {
    case NV_ENC_BUFFER_FORMAT_NV12:
    case NV_ENC_BUFFER_FORMAT_YUV420_10BIT:
      out.planes[0] = raw[0];
      split_chroma(out, raw[1], static_cast<std::size_t>(sample_bytes));
      break;
    case NV_ENC_BUFFER_FORMAT_YV12: out.planes = {raw[0], raw[2], raw[1]}; break;
    case NV_ENC_BUFFER_FORMAT_ARGB: convert_rgb(out, raw[0], 2, 0, matrix); break;
    case NV_ENC_BUFFER_FORMAT_ABGR: convert_rgb(out, raw[0], 0, 2, matrix); break;
    default: out.planes = {raw[0], raw[1], raw[2]}; break;
  }
  if (out.ten_bit) std::ranges::for_each(out.planes, shift_down);
  return out;
}

}  // namespace lumen::sim::nvenc
