#include "zerocopy/cpu/convert.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "guarded_buffer.h"
#include "reference_color.h"
#include "yuv_buffer.h"

namespace lumen::cpu {
namespace {

using test::GuardedBuffer;
using test::Rgb;
using test::YuvBuffer;

/// Each test runs once per instruction set that this CPU has.
class ConvertRgb : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    hwy::GetChosenTarget().DeInit();
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
  }
};

std::vector<std::int64_t> targets() {
  std::vector<std::int64_t> result;
  const auto supported = static_cast<std::uint64_t>(hwy::SupportedTargets());
  for (unsigned bit = 0; bit < 63; ++bit) {
    const std::uint64_t target = std::uint64_t{1} << bit;
    if ((supported & target) != 0) result.push_back(static_cast<std::int64_t>(target));
  }
  return result;
}

INSTANTIATE_TEST_SUITE_P(Cpu, ConvertRgb, testing::ValuesIn(targets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

/// A packed RGB picture made of a function of the position.
struct RgbImage {
  RgbImage(Fourcc format_, Extent size_, const std::function<Rgb(unsigned x, unsigned y)>& color,
           std::uint32_t padding = 0)
      : format(format_), size(size_), pitch{size_.width * 4 + padding} {
    bytes.assign(std::size_t{pitch.bytes} * size.height, 0xee);
    const bool bgr = !is_red_first(format);
    for (unsigned y = 0; y < size.height; ++y) {
      for (unsigned x = 0; x < size.width; ++x) {
        const Rgb rgb = color(x, y);
        std::uint8_t* const pixel = bytes.data() + std::size_t{y} * pitch.bytes + x * 4;
        if (bit_depth(format) == 10) {
          const std::uint32_t word = ten(bgr ? rgb.b : rgb.r) | ten(rgb.g) << 10 |
                                     ten(bgr ? rgb.r : rgb.b) << 20 | (x * 3 + y) << 30;
          std::memcpy(pixel, &word, sizeof(word));
          continue;
        }
        pixel[0] = static_cast<std::uint8_t>(bgr ? rgb.b : rgb.r);
        pixel[1] = static_cast<std::uint8_t>(rgb.g);
        pixel[2] = static_cast<std::uint8_t>(bgr ? rgb.r : rgb.b);
        pixel[3] = static_cast<std::uint8_t>(x * 37 + y * 11);  // alpha must not matter
      }
    }
  }
  /// The code value of ten bits.
  static std::uint32_t ten(double level) {
    return static_cast<std::uint32_t>(std::lround(level * 1023 / 255));
  }
  [[nodiscard]] Picture picture() const { return {format, size, {bytes.data()}, {pitch}}; }

  Fourcc format;
  Extent size;
  Pitch pitch;
  std::vector<std::uint8_t> bytes;
};

constexpr Fourcc kTargets[] = {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010,
                               Fourcc::kQ410};

/// Differences between samples and their reference.
struct Deviation {
  int worst = 0;
  int count = 0;
  int off = 0;     // samples that differ at all
  double sum = 0;  // signed

  void add(int sample, int expected) {
    worst = std::max(worst, std::abs(sample - expected));
    ++count;
    off += sample != expected ? 1 : 0;
    sum += sample - expected;
  }
};

/// Compares with the reference, odd edges repeated: no sample more than one code value off, and
/// few of them off at all, so that truncation instead of rounding would show.
void expect_accurate(const YuvBuffer& result, Extent source,
                     const std::function<Rgb(unsigned x, unsigned y)>& color,
                     const ColorDescription& description) {
  const auto at = [&](std::size_t x, std::size_t y) {
    return color(std::min(static_cast<unsigned>(x), source.width - 1),
                 std::min(static_cast<unsigned>(y), source.height - 1));
  };
  const Extent even = even_size(source);
  const Fourcc format = result.target().format;
  const int bits = is_ten_bit(format) ? 10 : 8;
  const bool full_chroma = is_full_chroma(format);
  Deviation luma, chroma;
  for (std::size_t y = 0; y < even.height; ++y) {
    for (std::size_t x = 0; x < even.width; ++x) {
      const auto expected = test::reference_yuv(at(x, y), description, bits);
      luma.add(result.y(x, y), expected[0]);
      if (!full_chroma) continue;
      chroma.add(result.cb(x, y), expected[1]);
      chroma.add(result.cr(x, y), expected[2]);
    }
  }
  for (std::size_t y = 0; y < even.height && !full_chroma; y += 2) {
    for (std::size_t x = 0; x < even.width; x += 2) {
      Rgb mean;
      for (const Rgb& rgb : {at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)}) {
        mean.r += rgb.r / 4;
        mean.g += rgb.g / 4;
        mean.b += rgb.b / 4;
      }
      const auto expected = test::reference_yuv(mean, description, bits);
      chroma.add(result.cb(x, y), expected[1]);
      chroma.add(result.cr(x, y), expected[2]);
    }
  }
  for (const auto& [name, deviation] : {std::pair("luma", luma), std::pair("chroma", chroma)}) {
    SCOPED_TRACE(name);
    EXPECT_LE(deviation.worst, 1);
    if (deviation.count > 1000) {
      EXPECT_LE(deviation.off, deviation.count / 20);
      EXPECT_LE(std::abs(deviation.sum), deviation.count / 20);
    }
  }
}

Rgb noise(unsigned x, unsigned y) {
  std::uint32_t hash = x * 0x9e3779b1u ^ (y + 7) * 0x85ebca77u;
  hash ^= hash >> 15;
  hash *= 0x2c1b3c6du;
  hash ^= hash >> 13;
  return {double(hash & 0xff), double(hash >> 8 & 0xff), double(hash >> 16 & 0xff)};
}

/// The same in steps of ten bits.
Rgb fine_noise(unsigned x, unsigned y) {
  const Rgb coarse = noise(x, y);
  const Rgb more = noise(x + 4099, y + 77);
  const auto level = [](double high, double low) {
    return (std::fmod(high, 256) * 4 + std::fmod(low, 4)) * 255 / 1023;
  };
  return {level(coarse.r, more.g), level(coarse.g, more.b), level(coarse.b, more.r)};
}

constexpr Fourcc kTenBitRgb[] = {Fourcc::kXR30, Fourcc::kAR30, Fourcc::kXB30, Fourcc::kAB30};

/// A cube of 17³ colours with both ends of every axis, each as a 2×2 block so that chroma meets it
/// unmixed.
Rgb cube(unsigned x, unsigned y) {
  const unsigned index = y / 2 * 96 + x / 2;
  const auto level = [](unsigned step) { return std::min(255.0, double(step % 17) * 16); };
  return {level(index), level(index / 17), level(index / 289)};
}

TEST_P(ConvertRgb, EveryFormatMatrixAndRangeIsWithinOneOfDoublePrecision) {
  const Extent size{192, 104};
  for (const Fourcc from : {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA}) {
    for (const Fourcc to : kTargets) {
      for (const ColorMatrix matrix : {ColorMatrix::kBt709, ColorMatrix::kBt601,
                                       ColorMatrix::kBt601Pal, ColorMatrix::kBt2020Ncl}) {
        for (const ColorRange range : {ColorRange::kLimited, ColorRange::kFull}) {
          SCOPED_TRACE(to_string(from) + " to " + to_string(to) + ", matrix " +
                       std::to_string(int(matrix)) + ", range " + std::to_string(int(range)));
          const ColorDescription description{.matrix = matrix, .range = range};
          YuvBuffer result(to, size);
          ASSERT_TRUE(convert(RgbImage(from, size, cube).picture(), result.target(), description));
          expect_accurate(result, size, cube, description);
          ASSERT_TRUE(convert(RgbImage(from, size, noise).picture(), result.target(), description));
          expect_accurate(result, size, noise, description);
        }
      }
    }
  }
}

TEST_P(ConvertRgb, GreysAreExactAndNeutral) {
  for (const ColorRange range : {ColorRange::kLimited, ColorRange::kFull}) {
    const Extent size{256 * 2, 2};
    const auto grey = [](unsigned x, unsigned) { return Rgb{x / 2.0, x / 2.0, x / 2.0}; };
    const auto whole = [&](unsigned x, unsigned y) {
      const double level = double(unsigned(grey(x, y).r));
      return Rgb{level, level, level};
    };
    for (const Fourcc to : kTargets) {
      SCOPED_TRACE(to_string(to));
      YuvBuffer result(to, size);
      ASSERT_TRUE(convert(RgbImage(Fourcc::kBGRx, size, whole).picture(), result.target(),
                          {.range = range}));
      const bool limited = range == ColorRange::kLimited;
      const int scale = is_ten_bit(to) ? 4 : 1;
      EXPECT_EQ(result.y(0, 0), limited ? 16 * scale : 0);
      EXPECT_EQ(result.y(511, 1), limited ? 235 * scale : 256 * scale - 1);
      for (unsigned x = 0; x < size.width; ++x) {
        ASSERT_EQ(result.cb(x, 0), 128 * scale) << x;
        ASSERT_EQ(result.cr(x, 0), 128 * scale) << x;
      }
    }
  }
}

TEST_P(ConvertRgb, PrimariesHaveTheCodeValuesOfBt709) {
  // Rounded from the equations of Rec. ITU-R BT.709-6 item 3 by hand.
  struct Patch {
    Rgb rgb;
    std::array<int, 3> yuv;
  };
  const Patch patches[] = {{{255, 0, 0}, {63, 102, 240}},   {{0, 255, 0}, {173, 42, 26}},
                           {{0, 0, 255}, {32, 240, 118}},   {{255, 255, 0}, {219, 16, 138}},
                           {{0, 255, 255}, {188, 154, 16}}, {{255, 0, 255}, {78, 214, 230}}};
  for (const Patch& patch : patches) {
    const Extent size{130, 2};
    YuvBuffer result(Fourcc::kI420, size);
    const RgbImage image(Fourcc::kRGBA, size, [&](unsigned, unsigned) { return patch.rgb; });
    ASSERT_TRUE(convert(image.picture(), result.target(), {}));
    for (const unsigned x : {0u, 64u, 129u}) {
      EXPECT_NEAR(result.y(x, 1), patch.yuv[0], 1);
      EXPECT_NEAR(result.cb(x, 1), patch.yuv[1], 1);
      EXPECT_NEAR(result.cr(x, 1), patch.yuv[2], 1);
    }
  }
}

TEST_P(ConvertRgb, TenBitRgbIsWithinOneOfDoublePrecisionInEveryFormatMatrixAndRange) {
  const Extent size{192, 104};
  for (const Fourcc from : kTenBitRgb) {
    for (const Fourcc to : kTargets) {
      for (const ColorMatrix matrix :
           {ColorMatrix::kBt709, ColorMatrix::kBt601, ColorMatrix::kBt2020Ncl}) {
        for (const ColorRange range : {ColorRange::kLimited, ColorRange::kFull}) {
          SCOPED_TRACE(to_string(from) + " to " + to_string(to) + ", matrix " +
                       std::to_string(int(matrix)) + ", range " + std::to_string(int(range)));
          const ColorDescription description{.matrix = matrix, .range = range};
          YuvBuffer result(to, size);
          ASSERT_TRUE(
              convert(RgbImage(from, size, fine_noise).picture(), result.target(), description));
          expect_accurate(result, size, fine_noise, description);
        }
      }
    }
  }
}

// Every code value of every colour, alone and in grey, by BT.2020 as HDR has it.
TEST_P(ConvertRgb, EveryCodeValueOfTenBitsKeepsItsOwnLevel) {
  const Extent size{1024, 2};
  for (const unsigned colors : {1U, 2U, 4U, 7U}) {
    const auto ramp = [colors](unsigned x, unsigned) {
      const double level = x * 255.0 / 1023;
      return Rgb{(colors & 1) != 0 ? level : 0, (colors & 2) != 0 ? level : 0,
                 (colors & 4) != 0 ? level : 0};
    };
    for (const ColorRange range : {ColorRange::kLimited, ColorRange::kFull}) {
      const ColorDescription description{.matrix = ColorMatrix::kBt2020Ncl, .range = range};
      YuvBuffer result(Fourcc::kQ410, size);
      ASSERT_TRUE(
          convert(RgbImage(Fourcc::kXR30, size, ramp).picture(), result.target(), description));
      std::set<int> levels;
      for (unsigned x = 0; x < size.width; ++x) {
        const auto expected = test::reference_yuv(ramp(x, 0), description, 10);
        ASSERT_NEAR(result.y(x, 0), expected[0], 1) << x;
        ASSERT_NEAR(result.cb(x, 0), expected[1], 1) << x;
        ASSERT_NEAR(result.cr(x, 0), expected[2], 1) << x;
        levels.insert(result.y(x, 0));
        if (colors != 7) continue;
        ASSERT_EQ(result.cb(x, 0), 512) << x;
        ASSERT_EQ(result.cr(x, 0), 512) << x;
        if (range == ColorRange::kFull) {
          ASSERT_EQ(result.y(x, 0), int(x));
        }
      }
      if (colors == 7) {
        EXPECT_EQ(levels.size(), range == ColorRange::kFull ? 1024U : 877U);
      }
    }
  }
}

// What ten bits are for: levels that eight bits can't tell apart.
TEST_P(ConvertRgb, TenBitsTellMoreColoursApart) {
  // BT.709 luma of blue alone: 18 levels of 8 bits.
  const Extent size{512, 2};
  const RgbImage image(Fourcc::kBGRx, size,
                       [](unsigned x, unsigned) { return Rgb{0, 0, double(x / 2)}; });
  std::array<std::set<int>, 2> levels;
  for (const Fourcc to : {Fourcc::kI444, Fourcc::kQ410}) {
    YuvBuffer result(to, size);
    ASSERT_TRUE(convert(image.picture(), result.target(), {}));
    for (unsigned x = 0; x < size.width; ++x) levels[is_ten_bit(to) ? 1 : 0].insert(result.y(x, 0));
  }
  EXPECT_LE(levels[0].size(), 18u);
  EXPECT_GE(levels[1].size(), 63u);
}

TEST_P(ConvertRgb, FullChromaKeepsTheColoursOfSingleColumns) {
  const Extent size{66, 6};
  const auto stripes = [](unsigned x, unsigned) {
    return x % 2 == 0 ? Rgb{255, 0, 0} : Rgb{0, 0, 255};
  };
  const RgbImage image(Fourcc::kBGRx, size, stripes);
  YuvBuffer result(Fourcc::kI444, size);
  ASSERT_TRUE(convert(image.picture(), result.target(), {}));
  EXPECT_EQ(result.cb(64, 5), 102);  // as in the table below
  EXPECT_EQ(result.cr(64, 5), 240);
  EXPECT_EQ(result.cb(65, 5), 240);
  EXPECT_EQ(result.cr(65, 5), 118);
}

TEST_P(ConvertRgb, AnySizeFromOnePixelUpRepeatsTheOddEdge) {
  for (std::uint32_t width = 1; width <= 140; ++width) {
    for (const std::uint32_t height : {1u, 2u, 3u}) {
      for (const Fourcc to : kTargets) {
        SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height) + " " + to_string(to));
        const Extent size{width, height};
        YuvBuffer result(to, even_size(size), 5);
        for (const Fourcc from : {Fourcc::kBGRx, Fourcc::kXR30}) {
          const auto color = from == Fourcc::kBGRx ? noise : fine_noise;
          const RgbImage image(from, size, color, width % 7);
          ASSERT_TRUE(convert(image.picture(), result.target(), {}));
          expect_accurate(result, size, color, {});
          EXPECT_TRUE(result.padding_untouched());
        }
      }
    }
  }
}

TEST_P(ConvertRgb, TouchesNothingOutsideItsRows) {
  for (const Extent size : {Extent{1, 1}, Extent{31, 3}, Extent{64, 2}, Extent{129, 5}}) {
    for (const auto edge : {GuardedBuffer::Edge::kEnd, GuardedBuffer::Edge::kStart}) {
      for (const Fourcc to : kTargets) {
        const Extent even = even_size(size);
        // The last row ends with its last pixel, not with its pitch.
        const std::uint32_t pitch = size.width * 4 + 12;
        GuardedBuffer source(std::size_t{pitch} * (size.height - 1) + size.width * 4, edge);
        std::memset(source.data(), 0xff, source.size());
        std::vector<std::unique_ptr<GuardedBuffer>> planes;
        TargetPicture target{to, even, {}, {}};
        for (unsigned plane = 0; plane < plane_count(to); ++plane) {
          const PlaneExtent extent = plane_extent(to, even, plane);
          planes.push_back(std::make_unique<GuardedBuffer>(extent.row_bytes * extent.rows, edge));
          target.planes[plane] = planes.back()->data();
          target.pitches[plane] = Pitch{static_cast<std::uint32_t>(extent.row_bytes)};
        }
        for (const Fourcc from : {Fourcc::kBGRA, Fourcc::kAR30}) {
          ASSERT_TRUE(convert({from, size, {source.data()}, {Pitch{pitch}}}, target, {}));
          EXPECT_EQ(planes[0]->data()[planes[0]->size() - 1], 235);
        }
      }
    }
  }
}

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::mt19937 engine(count);
  std::vector<std::uint8_t> bytes(count);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine());
  return bytes;
}

TEST(ConvertNv12, SamplesAreCopiedSeparatedRepeatedAndWidened) {
  for (const Extent size :
       {Extent{1, 1}, Extent{2, 2}, Extent{33, 7}, Extent{64, 4}, Extent{1366, 9}}) {
    for (const Fourcc to : kTargets) {
      const int scale = is_ten_bit(to) ? 4 : 1;
      SCOPED_TRACE(std::to_string(size.width) + " " + to_string(to));
      const Extent even = even_size(size);
      const auto bytes = random_bytes(std::size_t{size.width + 9} * size.height * 4);
      const Pitch pitch{even.width + 6};
      // Both planes end exactly where their last sample does.
      GuardedBuffer y(std::size_t{pitch.bytes} * (size.height - 1) + size.width);
      GuardedBuffer uv(std::size_t{pitch.bytes} * (even.height / 2 - 1) + even.width);
      std::memcpy(y.data(), bytes.data(), y.size());
      std::memcpy(uv.data(), bytes.data() + bytes.size() / 2, uv.size());
      YuvBuffer result(to, even, 3);
      ASSERT_TRUE(convert({Fourcc::kNV12, size, {y.data(), uv.data()}, {pitch, pitch}},
                          result.target(), {.range = ColorRange::kFull}));
      for (std::uint32_t row = 0; row < even.height; ++row) {
        for (std::uint32_t column = 0; column < even.width; ++column) {
          const std::size_t source_row = std::min(row, size.height - 1);
          const std::size_t source_column = std::min(column, size.width - 1);
          ASSERT_EQ(result.y(column, row),
                    scale * y.data()[source_row * pitch.bytes + source_column]);
          const std::size_t pair = std::size_t{row} / 2 * pitch.bytes + column / 2 * 2;
          ASSERT_EQ(result.cb(column, row), scale * uv.data()[pair]);
          ASSERT_EQ(result.cr(column, row), scale * uv.data()[pair + 1]);
        }
      }
      EXPECT_TRUE(result.padding_untouched());
    }
  }
}

TEST(ConvertP010, SamplesAreCopiedSeparatedRepeatedAndRounded) {
  for (const Extent size : {Extent{1, 1}, Extent{2, 2}, Extent{33, 7}, Extent{1366, 9}}) {
    for (const Fourcc to : kTargets) {
      SCOPED_TRACE(std::to_string(size.width) + " " + to_string(to));
      const Extent even = even_size(size);
      auto bytes = random_bytes(std::size_t{size.width + 9} * size.height * 8);
      for (std::size_t i = 0; i < bytes.size(); i += 2) bytes[i] &= 0xc0;  // ten bits of a word
      const Pitch pitch{even.width * 2 + 6};
      GuardedBuffer y(std::size_t{pitch.bytes} * (size.height - 1) + size.width * std::size_t{2});
      GuardedBuffer uv(std::size_t{pitch.bytes} * (even.height / 2 - 1) +
                       even.width * std::size_t{2});
      std::memcpy(y.data(), bytes.data(), y.size());
      std::memcpy(uv.data(), bytes.data() + bytes.size() / 2, uv.size());
      YuvBuffer result(to, even, 3);
      ASSERT_TRUE(convert({Fourcc::kP010, size, {y.data(), uv.data()}, {pitch, pitch}},
                          result.target(), {.range = ColorRange::kFull}));
      const auto expected = [&](const GuardedBuffer& plane, std::size_t at) {
        const int ten = (plane.data()[at] | plane.data()[at + 1] << 8) >> 6;
        return is_ten_bit(to) ? ten : std::min((ten + 2) / 4, 255);
      };
      for (std::uint32_t row = 0; row < even.height; ++row) {
        for (std::uint32_t column = 0; column < even.width; ++column) {
          const std::size_t source_row = std::min(row, size.height - 1);
          const std::size_t source_column = std::min(column, size.width - 1);
          ASSERT_EQ(result.y(column, row),
                    expected(y, source_row * pitch.bytes + source_column * 2));
          const std::size_t pair = std::size_t{row} / 2 * pitch.bytes + column / 2 * 4;
          ASSERT_EQ(result.cb(column, row), expected(uv, pair));
          ASSERT_EQ(result.cr(column, row), expected(uv, pair + 2));
        }
      }
      EXPECT_TRUE(result.padding_untouched());
    }
  }
}

TEST(Convert, RefusesWhatCannotBeRight) {
  const Extent size{64, 4};
  const RgbImage image(Fourcc::kBGRx, size, noise);
  const YuvBuffer result(Fourcc::kNV12, size);
  const auto kind = [](const Result<void>& outcome) {
    return outcome ? "ok" : std::string(to_string(outcome.error().kind));
  };
  Picture narrow = image.picture();
  narrow.pitches[0] = Pitch{size.width * 4 - 1};
  EXPECT_EQ(kind(convert(narrow, result.target(), {})), "invalid argument");
  Picture nowhere = image.picture();
  nowhere.planes[0] = nullptr;
  EXPECT_EQ(kind(convert(nowhere, result.target(), {})), "invalid argument");
  TargetPicture smaller = result.target();
  smaller.size = {62, 4};
  EXPECT_EQ(kind(convert(image.picture(), smaller, {})), "invalid argument");
  TargetPicture rgb = result.target();
  rgb.format = Fourcc::kBGRx;
  EXPECT_EQ(kind(convert(image.picture(), rgb, {})), "invalid argument");
  EXPECT_EQ(kind(convert({}, result.target(), {})), "invalid argument");
}

}  // namespace
}  // namespace lumen::cpu
