#include "app/options/value_parsers.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Each is refused with the value in the message and an example in the hint.
template <typename Parse>
void expect_refused(Parse parse, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed) << "'" << text << "'";
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, ::testing::HasSubstr("'" + text + "'"));
    EXPECT_FALSE(parsed.error().hint.empty()) << text;
  }
}

TEST(BitRate, TakesUnitsOf1000) {
  EXPECT_EQ(parse_bit_rate("20M").value(), 20'000'000U);
  EXPECT_EQ(parse_bit_rate("800k").value(), 800'000U);
  EXPECT_EQ(parse_bit_rate("20000000").value(), 20'000'000U);
  EXPECT_EQ(parse_bit_rate("1.5M").value(), 1'500'000U);
  EXPECT_EQ(parse_bit_rate("2G").value(), 2'000'000'000U);
  EXPECT_EQ(parse_bit_rate("10k").value(), 10'000U);
}

TEST(BitRate, RefusesTheRest) {
  expect_refused(parse_bit_rate,
                 {"", "M", "20X", "20MB", "9k", "9999", "2.1G", "-20M", "+20M", "1e7", " 20M",
                  "20 M", "0", "1..5M", ".", "nan", "inf", "99999999999999999999999999", "0x20M"});
}

TEST(Size, TakesEvenSides) {
  EXPECT_EQ(parse_size("1920x1080").value(), (Extent{1920, 1080}));
  EXPECT_EQ(parse_size("16x16").value(), (Extent{16, 16}));
  EXPECT_EQ(parse_size("16384x16384").value(), (Extent{16384, 16384}));
}

TEST(Size, RefusesTheRest) {
  expect_refused(parse_size,
                 {"", "1920", "1920x", "x1080", "1920x1080x2", "1920*1080", "0x0", "14x16",
                  "16386x16", "-2x16", "1920x1080 ", "99999999999999999999x2"});
}

TEST(Size, NamesTheNearestEvenSizeForAnOddOne) {
  const auto parsed = parse_size("1367x769");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().describe(), ::testing::HasSubstr("even"));
  EXPECT_THAT(parsed.error().hint, ::testing::HasSubstr("1366x768"));
}

TEST(FrameRateText, TakesWholeDecimalAndFraction) {
  EXPECT_EQ(parse_frame_rate("60").value(), (FrameRate{60, 1}));
  EXPECT_EQ(parse_frame_rate("60000/1001").value(), (FrameRate{60000, 1001}));
  EXPECT_EQ(parse_frame_rate("120/2").value(), (FrameRate{60, 1}));
  EXPECT_EQ(parse_frame_rate("12.5").value(), (FrameRate{25, 2}));
  EXPECT_EQ(parse_frame_rate("1").value(), (FrameRate{1, 1}));
  EXPECT_EQ(parse_frame_rate("1000").value(), (FrameRate{1000, 1}));
}

TEST(FrameRateText, KnownDecimalsMeanTheirFractions) {
  EXPECT_EQ(parse_frame_rate("59.94").value(), (FrameRate{60000, 1001}));
  EXPECT_EQ(parse_frame_rate("29.97").value(), (FrameRate{30000, 1001}));
  EXPECT_EQ(parse_frame_rate("23.976").value(), (FrameRate{24000, 1001}));
  EXPECT_EQ(parse_frame_rate("23.98").value(), (FrameRate{24000, 1001}));
  EXPECT_EQ(parse_frame_rate("119.88").value(), (FrameRate{120000, 1001}));
}

TEST(FrameRateText, RefusesTheRest) {
  expect_refused(parse_frame_rate, {"", "0", "-5", "1001", "0.5", "60/0", "0/1", "1/2", "60/", "/1",
                                    "60/1/1", "sixty", "60fps", "1e2", "9999999999/1"});
}

TEST(Duration, TakesSecondsAndUnits) {
  EXPECT_EQ(parse_duration("90").value(), seconds(90));
  EXPECT_EQ(parse_duration("90s").value(), seconds(90));
  EXPECT_EQ(parse_duration("1.5").value(), milliseconds(1500));
  EXPECT_EQ(parse_duration("0.25s").value(), milliseconds(250));
  EXPECT_EQ(parse_duration("2m").value(), minutes(2));
  EXPECT_EQ(parse_duration("1h30m").value(), minutes(90));
  EXPECT_EQ(parse_duration("1h2m3s").value(), hours(1) + minutes(2) + seconds(3));
  EXPECT_EQ(parse_duration("1000h").value(), hours(1000));
}

TEST(Duration, RefusesTheRest) {
  expect_refused(parse_duration, {"", "0", "0s", "-1", "s", "1h30", "30m1h", "1m1m", "1d", "1 m",
                                  "1001h", "1..5", "999999999999999999999", "5ms"});
}

TEST(FrameCount, IsAWholeNumberFromOne) {
  EXPECT_EQ(parse_frame_count("600").value(), 600U);
  expect_refused(parse_frame_count, {"", "0", "-1", "1.5", "6e2", "18446744073709551616"});
}

TEST(Level, IsOneOfTheStandards) {
  for (const char* text : {"1", "1b", "3.1", "4", "5.2", "6.2"}) {
    EXPECT_EQ(parse_level(text).value(), text);
  }
  expect_refused(parse_level, {"", "0", "7", "4.4", "4.", "41", "4,1", "b"});
}

TEST(Preset, IsAPlainName) {
  EXPECT_EQ(parse_preset("ultrafast").value(), "ultrafast");
  EXPECT_EQ(parse_preset("p4").value(), "p4");
  expect_refused(parse_preset, {"", "Fast", "a b", "fast:x=1", "../x"});
}

TEST(ValueParsers, BitDepthsAreEightTenOrTheSourcesOwn) {
  EXPECT_EQ(parse_bit_depth("8").value(), 8U);
  EXPECT_EQ(parse_bit_depth("10").value(), 10U);
  EXPECT_EQ(parse_bit_depth("auto").value(), std::nullopt);
  for (const char* wrong : {"", "12", "08", "AUTO"}) EXPECT_FALSE(parse_bit_depth(wrong)) << wrong;
}

}  // namespace
}  // namespace lumen
