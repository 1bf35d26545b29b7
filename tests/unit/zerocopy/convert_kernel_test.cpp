// The GPU's conversion, run on the CPU thread by thread: the same source that the PTX is made from.
#include "zerocopy/cuda/kernels/convert_kernel.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "zerocopy/cpu/convert.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/frame_geometry.h"
#include "zerocopy/rgb_coefficients.h"

namespace lumen {
namespace {

using cuda::ConvertParams;
using cuda::Pixel;

struct Source {
  Extent size;
  std::vector<std::uint8_t> bytes;
  ConvertParams depth{};  // extra_bits
  [[nodiscard]] Pixel operator()(int x, int y) const {
    EXPECT_TRUE(x >= 0 && y >= 0 && x < static_cast<int>(size.width) &&
                y < static_cast<int>(size.height))
        << x << "," << y << " is outside the buffer";
    const std::uint8_t* const at =
        bytes.data() + (static_cast<std::size_t>(y) * size.width + static_cast<std::size_t>(x)) * 4;
    unsigned word = 0;
    std::memcpy(&word, at, sizeof(word));
    return cuda::unpack(depth, word);
  }
};

Source noise(Extent size) {
  Source source{size, std::vector<std::uint8_t>(std::size_t{size.width} * size.height * 4)};
  std::mt19937 random(7);
  for (auto& byte : source.bytes) byte = static_cast<std::uint8_t>(random());
  return source;
}

struct Planes {
  std::array<std::vector<std::uint8_t>, 3> bytes;
};

/// For three planes without gaps: what the kernels write in I420's place is planar, too, where the
/// words of ten bits lie in 4:2:0.
ConvertParams params_for(Rect crop, Extent target, const ColorDescription& color, Fourcc format,
                         Fourcc to = Fourcc::kI420) {
  ConvertParams p{};
  p.crop_x = static_cast<int>(crop.x);
  p.crop_y = static_cast<int>(crop.y);
  p.crop_width = static_cast<int>(crop.size.width);
  p.crop_height = static_cast<int>(crop.size.height);
  p.width = static_cast<int>(target.width);
  p.height = static_cast<int>(target.height);
  const Rect inner =
      even_size(crop.size) == target ? Rect{0, 0, target} : fit_rectangle(crop.size, target);
  p.inner_x = static_cast<int>(inner.x);
  p.inner_y = static_cast<int>(inner.y);
  p.inner_width = static_cast<int>(inner.size.width);
  p.inner_height = static_cast<int>(inner.size.height);
  const unsigned bytes = is_ten_bit(to) ? 2 : 1;
  p.full_chroma = is_full_chroma(to) ? 1 : 0;
  p.pitches[0] = target.width * bytes;
  p.pitches[1] = p.pitches[2] = is_full_chroma(to) ? p.pitches[0] : p.pitches[0] / 2;
  p.chroma_step = static_cast<int>(bytes);
  const RgbCoefficients c = make_rgb_coefficients(color, format, is_ten_bit(to) ? 10 : 8);
  for (std::size_t i = 0; i < 3; ++i) {
    p.luma[i] = c.luma[i];
    p.cb[i] = c.cb[i];
    p.cr[i] = c.cr[i];
  }
  p.extra_bits = static_cast<int>(extra_bits(bit_depth(format)));
  p.luma_bias = c.luma_bias;
  p.chroma_bias = c.chroma_bias;
  return p;
}

template <int kSampleBytes = 1>
Planes run(const ConvertParams& p, const Source& source) {
  Planes planes;
  const auto rows = static_cast<std::size_t>(p.height);
  const std::size_t chroma_rows = p.full_chroma != 0 ? rows : rows / 2;
  for (std::size_t i = 0; i < 3; ++i) {
    planes.bytes[i].resize(p.pitches[i] * (i == 0 ? rows : chroma_rows));
  }
  const auto store = [&](int plane, long long offset, int value) {
    EXPECT_TRUE(value >= 0 && value <= (kSampleBytes == 1 ? 255 : 0xffc0));
    EXPECT_TRUE(kSampleBytes == 1 || (value & 63) == 0);
    for (std::size_t i = 0; i < kSampleBytes; ++i) {
      planes.bytes[static_cast<std::size_t>(plane)].at(static_cast<std::size_t>(offset) + i) =
          static_cast<std::uint8_t>(value >> (8 * i));
    }
  };
  // One block more than there is in each direction, as a grid of whole thread blocks has.
  for (int y = 0; y <= p.height / 2; ++y) {
    for (int x = 0; x <= p.width / 2; ++x) {
      cuda::convert_block<kSampleBytes>(p, source, store, x, y);
    }
  }
  return planes;
}

void expect_like_the_cpu(Extent size, Fourcc format, Fourcc to, const ColorDescription& color) {
  Source source = noise(size);
  const Extent target = even_size(size);
  const ConvertParams p = params_for({0, 0, size}, target, color, format, to);
  source.depth = p;
  const Planes made = is_ten_bit(to) ? run<2>(p, source) : run(p, source);
  auto pool = cpu::ImagePool::create(to, target, 1);
  auto image = (*pool)->acquire();
  cpu::Picture picture{format, size, {source.bytes.data()}, {Pitch{size.width * 4}}};
  ASSERT_TRUE(cpu::convert(picture, {to, target, image->planes, image->pitches}, color));
  for (unsigned plane = 0; plane < 3; ++plane) {
    const PlaneExtent extent = plane_extent(to, target, plane);
    for (std::size_t y = 0; y < extent.rows; ++y) {
      for (std::size_t x = 0; x < extent.row_bytes; ++x) {
        ASSERT_EQ(made.bytes[plane][y * extent.row_bytes + x],
                  image->planes[plane][y * image->pitches[plane].bytes + x])
            << to_string(to) << " plane " << plane << " at " << x << "," << y << " of "
            << size.width << "x" << size.height;
      }
    }
  }
}

// P010's chroma is Q410's sums and I420's places; the importers' tests read it as it lies.
TEST(ConvertKernel, UnscaledEqualsTheCpuRouteToTheLastBit) {
  for (const Extent size : {Extent{64, 32}, Extent{63, 31}, Extent{2, 2}, Extent{101, 7}}) {
    for (const Fourcc format : {Fourcc::kBGRx, Fourcc::kRGBA, Fourcc::kXR30, Fourcc::kAB30}) {
      for (const ColorRange range : {ColorRange::kLimited, ColorRange::kFull}) {
        const ColorDescription color{.range = range};
        for (const Fourcc to : {Fourcc::kI420, Fourcc::kI444, Fourcc::kQ410}) {
          expect_like_the_cpu(size, format, to, color);
        }
      }
    }
  }
}

TEST(ConvertKernel, ACropReadsOnlyTheVisiblePart) {
  Source source = noise({40, 30});
  const ColorDescription color;
  const Rect crop{5, 3, {20, 16}};
  const Planes made = run(params_for(crop, crop.size, color, Fourcc::kBGRx), source);
  Source part{crop.size, {}};
  for (std::uint32_t y = 0; y < crop.size.height; ++y) {
    const auto* row = source.bytes.data() + ((y + crop.y) * 40 + crop.x) * 4;
    part.bytes.insert(part.bytes.end(), row, row + crop.size.width * 4);
  }
  const Planes expected = run(params_for({0, 0, crop.size}, crop.size, color, Fourcc::kBGRx), part);
  EXPECT_EQ(made.bytes, expected.bytes);
}

TEST(ConvertKernel, ShrinkingByWholeNumbersIsTheMeanOfTheArea) {
  const Source source = noise({64, 48});
  const ConvertParams p = params_for({0, 0, {64, 48}}, {16, 12}, {}, Fourcc::kBGRx);
  const auto fetch = [&](int x, int y) { return source(x, y); };
  for (int y = 0; y < 12; ++y) {
    for (int x = 0; x < 16; ++x) {
      int sum = 0;
      for (int dy = 0; dy < 4; ++dy) {
        for (int dx = 0; dx < 4; ++dx) sum += source(x * 4 + dx, y * 4 + dy).c1;
      }
      ASSERT_EQ(cuda::sample(p, fetch, x, y).c1, (sum + 8) / 16);
    }
  }
}

TEST(ConvertKernel, AFlatColourStaysFlatAtEverySizeAndBarsAreBlack) {
  for (const Extent target : {Extent{16, 16}, Extent{150, 90}, Extent{34, 200}, Extent{2, 2}}) {
    Source source{{37, 21}, std::vector<std::uint8_t>(37 * 21 * 4, 200)};
    const ConvertParams p = params_for({0, 0, source.size}, target, {}, Fourcc::kBGRx);
    const Planes made = run(p, source);
    const Planes flat = run(params_for({0, 0, {2, 2}}, {2, 2}, {}, Fourcc::kBGRx),
                            {{2, 2}, std::vector<std::uint8_t>(16, 200)});
    for (int y = 0; y < p.height; ++y) {
      for (int x = 0; x < p.width; ++x) {
        const bool inside = x >= p.inner_x && x < p.inner_x + p.inner_width && y >= p.inner_y &&
                            y < p.inner_y + p.inner_height;
        ASSERT_EQ(made.bytes[0][static_cast<std::size_t>(y * p.width + x)],
                  inside ? flat.bytes[0][0] : 16)
            << x << "," << y;
      }
    }
    for (const std::uint8_t value : made.bytes[1]) ASSERT_EQ(value, 128);
    const Planes ten =
        run<2>(params_for({0, 0, source.size}, target, {}, Fourcc::kBGRx, Fourcc::kQ410), source);
    for (std::size_t i = 0; i < made.bytes[0].size(); ++i) {
      const int luma = (ten.bytes[0][i * 2] | ten.bytes[0][i * 2 + 1] << 8) >> 6;
      ASSERT_NEAR(luma / 4.0, made.bytes[0][i], 0.76) << "the same picture and bars";
      ASSERT_EQ(ten.bytes[1][i * 2] | ten.bytes[1][i * 2 + 1] << 8, 512 << 6);
    }
  }
}

TEST(ConvertKernel, GrowingInterpolatesBetweenNeighbours) {
  Source source{{2, 2}, {0, 0, 0, 0, 100, 100, 100, 100, 0, 0, 0, 0, 100, 100, 100, 100}};
  const ConvertParams p = params_for({0, 0, {2, 2}}, {8, 8}, {}, Fourcc::kBGRx);
  const auto fetch = [&](int x, int y) { return source(x, y); };
  // Source centres lie at 2 and 6 of 8: what is outside them repeats the edge.
  const std::array expected = {0, 0, 13, 38, 63, 88, 100, 100};
  for (int x = 0; x < 8; ++x) {
    EXPECT_NEAR(cuda::sample(p, fetch, x, 3).c0, expected[static_cast<std::size_t>(x)], 1) << x;
  }
}

TEST(ConvertKernel, PackedPixelsKeepOrSwapTheirOrder) {
  const Source source = noise({8, 6});
  ConvertParams p = params_for({0, 0, {8, 6}}, {8, 6}, {}, Fourcc::kBGRx);
  p.pitches[0] = 32;
  std::vector<std::uint8_t> out(8 * 6 * 4);
  const auto store = [&](int, long long offset, int value) {
    out.at(static_cast<std::size_t>(offset)) = static_cast<std::uint8_t>(value);
  };
  const auto all = [&] {
    for (int y = 0; y < 7; ++y) {
      for (int x = 0; x < 9; ++x) cuda::convert_pixel(p, source, store, x, y);
    }
  };
  all();
  EXPECT_EQ(out, source.bytes);
  p.swap_red_blue = 1;
  all();
  for (std::size_t i = 0; i < out.size(); i += 4) {
    EXPECT_EQ(out[i], source.bytes[i + 2]);
    EXPECT_EQ(out[i + 2], source.bytes[i]);
  }
}

TEST(ConvertKernel, TenBitsBecomeEightInAPackedTarget) {
  Source source{{1024, 1}, std::vector<std::uint8_t>(1024 * 4)};
  for (unsigned i = 0; i < 1024; ++i) {
    const unsigned word = i | (1023 - i) << 10 | i / 2 << 20;
    std::memcpy(source.bytes.data() + std::size_t{i} * 4, &word, sizeof(word));
  }
  ConvertParams p = params_for({0, 0, {1024, 1}}, {1024, 1}, {}, Fourcc::kXR30);
  p.inner_height = 1;
  p.pitches[0] = 1024 * 4;
  source.depth = p;
  std::vector<std::uint8_t> out(1024 * 4);
  const auto store = [&](int, long long offset, int value) {
    out.at(static_cast<std::size_t>(offset)) = static_cast<std::uint8_t>(value);
  };
  for (int x = 0; x < 1024; ++x) cuda::convert_pixel(p, source, store, x, 0);
  for (unsigned i = 0; i < 1024; ++i) {
    EXPECT_EQ(out[i * 4], (i * 255 + 511) / 1023);
    EXPECT_EQ(out[i * 4 + 1], ((1023 - i) * 255 + 511) / 1023);
    EXPECT_EQ(out[i * 4 + 2], (i / 2 * 255 + 511) / 1023);
    EXPECT_EQ(out[i * 4 + 3], 255);
  }
}

}  // namespace
}  // namespace lumen
