#include "app/waiting/waiting_picture.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/waiting/bitmap_font.h"

namespace lumen {
namespace {

Frame drawn(WaitingPicture& picture, const std::string& missing = "gamescope went away") {
  auto frame = picture.draw(missing);
  EXPECT_TRUE(frame) << frame.error().describe();
  return frame ? *frame : Frame{};
}

std::vector<std::uint8_t> luma(const Frame& frame) {
  const auto& image = std::get<CpuImage>(frame.payload);
  std::vector<std::uint8_t> result;
  for (std::uint32_t y = 0; y < frame.size.height; ++y) {
    const std::uint8_t* const row = image.planes[0] + std::size_t{y} * image.pitches[0].bytes;
    result.insert(result.end(), row, row + frame.size.width);
  }
  return result;
}

std::size_t bright(const std::vector<std::uint8_t>& pixels) {
  return static_cast<std::size_t>(std::ranges::count_if(pixels, [](auto p) { return p > 180; }));
}

TEST(WaitingPicture, IsDarkWithReadableTextAtAnySize) {
  for (const Extent size : {Extent{3840, 2160}, Extent{1280, 720}, Extent{1080, 1920},
                            Extent{320, 180}, Extent{160, 96}}) {
    SCOPED_TRACE(std::to_string(size.width));
    auto picture = WaitingPicture::create({.size = size});
    ASSERT_TRUE(picture) << picture.error().describe();
    const auto pixels = luma(drawn(**picture));
    const double share = static_cast<double>(bright(pixels)) / static_cast<double>(pixels.size());
    EXPECT_GT(share, 0.003);
    EXPECT_LT(share, 0.1);
    // Nothing of the title is cut off.
    for (std::uint32_t y = 0; y < size.height; ++y) {
      for (const std::uint32_t x : {0U, size.width - 1}) {
        ASSERT_LT(pixels[std::size_t{y} * size.width + x], 60) << y;
      }
    }
  }
}

TEST(WaitingPicture, IsNoBrighterThanPaperInAnHdrStream) {
  const auto brightest = [](ColorTransfer transfer) {
    auto picture = WaitingPicture::create({.size = {640, 360}, .color = {.transfer = transfer}});
    EXPECT_TRUE(picture);
    const auto pixels = luma(drawn(**picture));
    return int{*std::ranges::max_element(pixels)};
  };
  const int white = brightest(ColorTransfer::kBt709);  // 232 of 255, limited
  EXPECT_NEAR(white, 16 + 232 * 219 / 255, 2);
  EXPECT_NEAR(brightest(ColorTransfer::kPq), 16 + (white - 16) * 58 / 100, 2);
  EXPECT_NEAR(brightest(ColorTransfer::kHlg), 16 + (white - 16) * 75 / 100, 2);
}

TEST(WaitingPicture, TinyAndOddShapesAreDrawnToo) {
  for (const Extent size : {Extent{16, 16}, Extent{64, 2}, Extent{2, 64}, Extent{2000, 16}}) {
    auto picture = WaitingPicture::create({.size = size});
    ASSERT_TRUE(picture) << picture.error().describe();
    EXPECT_EQ(drawn(**picture).size, size);
  }
}

TEST(WaitingPicture, MovesAllTheTimeAndTheRestStays) {
  auto picture = WaitingPicture::create({.size = {640, 360}});
  ASSERT_TRUE(picture);
  std::set<std::vector<std::uint8_t>> seen;
  auto before = luma(drawn(**picture));
  for (int i = 0; i < 5; ++i) {
    auto pixels = luma(drawn(**picture));
    std::size_t changed = 0;
    for (std::size_t at = 0; at < pixels.size(); ++at) changed += pixels[at] != before[at] ? 1 : 0;
    EXPECT_GT(changed, 20U);
    EXPECT_LT(changed, pixels.size() / 100);
    seen.insert(pixels);
    before = std::move(pixels);
  }
  EXPECT_EQ(seen.size(), 5U);
}

TEST(WaitingPicture, SaysWhatIsMissing) {
  auto picture = WaitingPicture::create({.size = {640, 360}});
  ASSERT_TRUE(picture);
  const auto one = luma(drawn(**picture, ""));
  const auto another = luma(drawn(**picture, "PipeWire went away"));
  std::size_t lit = 0;
  for (std::size_t at = 0; at < one.size(); ++at) lit += another[at] > one[at] + 40 ? 1 : 0;
  EXPECT_GT(lit, 200U) << "the reason is not to be seen";
}

TEST(WaitingPicture, ComesInWhateverTheEncoderReads) {
  for (const Fourcc format : {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010}) {
    auto picture = WaitingPicture::create({.size = {320, 180}, .format = format});
    ASSERT_TRUE(picture) << picture.error().describe();
    EXPECT_EQ(std::get<CpuImage>(drawn(**picture).payload).format, format);
  }
  // One that reads packed RGB on the GPU takes what it is converted to.
  auto picture = WaitingPicture::create({.size = {320, 180},
                                         .format = Fourcc::kBGRx,
                                         .converted = Fourcc::kNV12,
                                         .memory = FrameMemory::kCuda});
  ASSERT_TRUE(picture);
  EXPECT_EQ(std::get<CpuImage>(drawn(**picture).payload).format, Fourcc::kNV12);
}

TEST(BitmapFont, HasAGlyphOfItsOwnForEveryLetterAndDigit) {
  std::set<Glyph> glyphs;
  for (const char c :
       std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!\"#%&'()*+,-./:;<=>?@[]_")) {
    EXPECT_TRUE(glyphs.insert(glyph_of(c)).second) << c;
  }
  EXPECT_EQ(glyph_of('a'), glyph_of('A'));
  EXPECT_EQ(glyph_of('\x7f'), glyph_of('\xc3')) << "a box for what it lacks";
  EXPECT_FALSE(glyphs.contains(glyph_of('\xc3')));
}

TEST(BitmapFont, LinesBreakAtSpacesAndLongWordsAnywhere) {
  EXPECT_EQ(wrap_text("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap_text("  a  b ", 8), (std::vector<std::string>{"a b"}));
  EXPECT_EQ(wrap_text("abcdefghij kl", 4), (std::vector<std::string>{"abcd", "efgh", "ij", "kl"}));
  EXPECT_TRUE(wrap_text("", 4).empty());
  EXPECT_EQ(wrap_text("abc", 0).size(), 3U);
}

TEST(BitmapFont, EveryCharacterTakesOnePlace) {
  EXPECT_EQ(one_per_character("a\xc3\xa4z\n").size(), 4U);
  EXPECT_EQ(one_per_character("a\n"), "a ");
}

}  // namespace
}  // namespace lumen
