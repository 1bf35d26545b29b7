// Plays what the Windows encoder wrote (encoder_test.cpp) with libavcodec: each picture is the one
// that its barcode names, and looks like it. LUMEN_STREAMS is the folder of the files.
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/stream_file.h"
#include "support/test_frames.h"

namespace lumen {
namespace {

std::vector<test::StreamUnit> stream(const std::string& name) {
  const char* folder = std::getenv("LUMEN_STREAMS");
  EXPECT_NE(folder, nullptr) << "LUMEN_STREAMS is not set";
  return test::read_stream(std::string(folder == nullptr ? "" : folder) + "/" + name + ".units");
}

/// Each unit shows the picture that it was made of, with at least that PSNR; but those that may be
/// damaged.
void expect_played(const std::vector<test::StreamUnit>& units, double least,
                   const std::set<std::uint32_t>& damaged = {}) {
  test::PlayerDecoder decoder(Codec::kH264);
  for (const test::StreamUnit& unit : units) {
    const auto pictures = decoder.decode(test::as_frame(unit));
    if (damaged.contains(unit.number)) continue;
    ASSERT_FALSE(pictures.empty()) << unit.number;
    const auto& shown = pictures.back();
    ASSERT_EQ(shown.size, unit.size) << unit.number;
    EXPECT_EQ(shown.number(), unit.number);
    const Frame original = test::TestFrames(Fourcc::kNV12, unit.size).at(unit.number);
    EXPECT_GT(test::psnr(shown, original), least) << unit.number;
    EXPECT_GT(test::chroma_psnr(shown, original), least) << unit.number;
    EXPECT_EQ(shown.color_matrix, 1) << "BT.709";
    EXPECT_FALSE(shown.full_range);
  }
}

TEST(WindowsStreams, AllPicturesArrive) {
  const auto units = stream("all");
  ASSERT_EQ(units.size(), 120U);
  expect_played(units, 32);
}

TEST(WindowsStreams, BlockingLocksGiveTheSame) {
  const auto units = stream("blocking");
  ASSERT_EQ(units.size(), 30U);
  expect_played(units, 32);
}

TEST(WindowsStreams, AStreamWithALossIsWholeAgain) {
  const auto units = stream("repaired");
  ASSERT_EQ(units.size(), 59U);
  expect_played(units, 32, {31, 32});  // 30 was lost, 33 is the repair
}

TEST(WindowsStreams, ANewSizeIsPlayed) {
  const auto units = stream("resized");
  ASSERT_EQ(units.size(), 40U);
  expect_played(units, 30);
}

}  // namespace
}  // namespace lumen
