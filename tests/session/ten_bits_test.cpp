// Sources of ten bits and HDR: negotiated where the stream is to have them, and seen by a player.
#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/synthetic/barcode.h"
#include "capture/synthetic/pattern.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"
#include "producer/ramp.h"
#include "verdict.h"

namespace lumen::session {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Extent kSize{1280, 360};

// ITU-T H.273.
constexpr int kBt709 = 1;
constexpr int kBt2020 = 9;
constexpr int kPq = 16;
constexpr int kHlg = 18;

struct Outcome {
  std::vector<DecodedFrame> frames;
  DecodedVideo video;
  nlohmann::json status;  // the last one
  std::string log;
};

/// Distinct luma levels in the ramp of the last frame.
std::set<int> levels_of(const DecodedFrame& frame) {
  const Rect ramp = producer::ramp_rect(frame.size);
  std::set<int> levels;
  const std::size_t row = std::size_t{ramp.y + ramp.size.height / 2} * frame.size.width;
  for (std::size_t x = 0; x < frame.size.width; ++x) {
    levels.insert(frame.bit_depth == 10 ? frame.deep_luma[row + x] : frame.luma[row + x]);
  }
  return levels;
}

/// Every column of the ramp as limited range has it, to a code value of ten bits and what the
/// encoder blurs.
void expect_ramp(const DecodedFrame& frame) {
  ASSERT_EQ(frame.bit_depth, 10U);
  const Rect ramp = producer::ramp_rect(frame.size);
  double squares = 0;
  for (std::uint32_t x = 0; x < frame.size.width; ++x) {
    double sum = 0;
    for (std::uint32_t y = ramp.y + 4; y < ramp.y + ramp.size.height - 4; ++y) {
      sum += frame.deep_luma[std::size_t{y} * frame.size.width + x];
    }
    const double expected = 64 + 876.0 * producer::ramp_level(x, frame.size.width) / 1023;
    const double off = sum / (ramp.size.height - 8) - expected;
    ASSERT_NEAR(off, 0, 3) << "column " << x;
    squares += off * off;
  }
  EXPECT_LE(std::sqrt(squares / frame.size.width), 1.0);
}

class TenBits : public InSession {
 protected:
  /// A dozen pictures of a producer with these options, streamed with those.
  Outcome stream(std::vector<std::string> producer_args, std::vector<std::string> host_args) {
    Outcome outcome;
    producer_args.insert(producer_args.begin(), {LUMEN_TEST_PRODUCER, "--name", "screen", "--size",
                                                 "1280x360", "--fps", "30", "--linger", "20"});
    auto producer = session->spawn(producer_args, StandardOutput::kPipe);
    EXPECT_TRUE(producer) << producer.error().describe();
    if (!producer) return outcome;
    EXPECT_TRUE(producer->read_value("ready ", Milliseconds(10000)));
    const std::string file = (session->dir() / "out.mkv").string();
    host_args.insert(host_args.end(), {"--source", "node:screen", "--frames", "12", "--qp", "4",
                                       "--sink", "file:" + file});
    auto host = Host::start(*session, host_args);
    EXPECT_TRUE(host) << host.error().describe();
    if (!host) return outcome;
    while (auto status = host->status()) outcome.status = std::move(*status);
    EXPECT_EQ(host->exit_code(Milliseconds(60000)), 0) << host->process().log_text();
    outcome.log = host->process().log_text();
    producer->stop();
    auto video = decode_video(
        file, [&](DecodedFrame&& frame) { outcome.frames.push_back(std::move(frame)); });
    EXPECT_TRUE(video) << video.error().describe();
    if (video) outcome.video = *video;
    EXPECT_EQ(outcome.video.errors, 0U);
    EXPECT_GE(outcome.frames.size(), 10U);
    for (const DecodedFrame& frame : outcome.frames) {
      EXPECT_TRUE(barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size));
    }
    return outcome;
  }
};

TEST_F(TenBits, AnHdrPictureReachesThePlayerWithItsLevelsAndColours) {
  struct Case {
    std::string codec, profile, format, color;
    int transfer;
  };
  for (const Case& c : {Case{"hevc", "Main 10", "xRGB_210LE", "pq", kPq},
                        Case{"h264", "High 10", "xRGB_210LE", "pq", kPq},
                        Case{"hevc", "Main 10", "ABGR_210LE", "hlg", kHlg}}) {
    SCOPED_TRACE(c.codec + " " + c.format);
    const Outcome outcome = stream({"--format", c.format, "--color", c.color},
                                   {"--codec", c.codec, "--bit-depth", "10"});
    ASSERT_FALSE(outcome.frames.empty());
    EXPECT_EQ(outcome.video.profile, c.profile);
    const DecodedFrame& frame = outcome.frames.back();
    EXPECT_EQ(frame.tags.primaries, kBt2020);
    EXPECT_EQ(frame.tags.transfer, c.transfer);
    EXPECT_EQ(frame.tags.matrix, kBt2020);
    EXPECT_EQ(frame.tags.range, 1);
    EXPECT_GT(levels_of(frame).size(), 600U) << "eight bits have 220";
    expect_ramp(frame);
    // Red, green and blue are where they were drawn, seen through the matrix of BT.2020.
    expect_patches(frame, 2, 5);
    const auto& status = outcome.status;
    EXPECT_EQ(status["bit_depth"], 10);
    EXPECT_EQ(status["color"]["hdr"], true);
    EXPECT_EQ(status["capture"]["format"], c.format);
    EXPECT_EQ(status["capture"]["bit_depth"], 10);
    EXPECT_EQ(status["capture"]["color"]["primaries"], "BT.2020");
    EXPECT_THAT(outcome.log, Not(HasSubstr("the source is HDR")));
  }
}

TEST_F(TenBits, AnEncoderOfEightBitsTakesTheSourceAndSaysWhatHdrLoses) {
  const Outcome outcome =
      stream({"--format", "xRGB_210LE", "--color", "pq"}, {"--codec", "h264", "--bit-depth", "8"});
  ASSERT_FALSE(outcome.frames.empty());
  const DecodedFrame& frame = outcome.frames.back();
  EXPECT_EQ(frame.bit_depth, 8U);
  EXPECT_EQ(frame.tags.transfer, kPq) << "what the samples mean stays said";
  EXPECT_EQ(frame.tags.matrix, kBt2020);
  const std::size_t levels = levels_of(frame).size();
  EXPECT_GT(levels, 180U);
  EXPECT_LE(levels, 256U);
  EXPECT_THAT(outcome.log, HasSubstr("the source is HDR (BT.2020 PQ) and the stream has 8 bits"));
  EXPECT_EQ(outcome.status["bit_depth"], 8);
}

TEST_F(TenBits, OfBothDepthsTheStreamsOwnIsNegotiated) {
  struct Case {
    std::vector<std::string> host;
    std::string format;
    unsigned depth;
  };
  for (const Case& c : {Case{{"--codec", "hevc", "--bit-depth", "10"}, "xRGB_210LE", 10},
                        Case{{"--codec", "hevc", "--bit-depth", "8"}, "BGRx", 8},
                        Case{{"--codec", "hevc"}, "xRGB_210LE", 10},  // auto
                        Case{{"--codec", "h264"}, "BGRx", 8}}) {
    SCOPED_TRACE(c.format + " " + c.host.back());
    const Outcome outcome = stream({"--format", "BGRx+xRGB_210LE", "--color", "pq"}, c.host);
    ASSERT_FALSE(outcome.frames.empty());
    EXPECT_EQ(outcome.status["capture"]["format"], c.format);
    const DecodedFrame& frame = outcome.frames.back();
    EXPECT_EQ(frame.bit_depth, c.depth);
    EXPECT_EQ(frame.tags.primaries, c.depth == 10 ? kBt2020 : kBt709)
        << "the compositor's SDR picture is the better one for eight bits";
    if (c.depth == 10) expect_ramp(frame);
  }
}

TEST_F(TenBits, ASourceOfEightBitsMakesNoStreamOfTen) {
  const Outcome outcome = stream({"--format", "BGRx"}, {"--codec", "hevc"});
  ASSERT_FALSE(outcome.frames.empty());
  EXPECT_EQ(outcome.frames.back().bit_depth, 8U);
  EXPECT_EQ(outcome.video.profile, "Main");
}

// The codec is changed while it runs, and the compositor shows its other picture: the stream says
// what it then is.
TEST_F(TenBits, AStreamFollowsItsSourceToOtherColoursAndBack) {
  auto producer =
      session->spawn({LUMEN_TEST_PRODUCER, "--name", "screen", "--size", "640x360", "--fps", "30",
                      "--linger", "20", "--format", "BGRx+xRGB_210LE", "--color", "pq"},
                     StandardOutput::kPipe);
  ASSERT_TRUE(producer) << producer.error().describe();
  ASSERT_TRUE(producer->read_value("ready ", Milliseconds(10000)));
  auto host = Host::start(*session, {"--source", "node:screen", "--codec", "h264", "--sink",
                                     "rtp:127.0.0.1:5998?sdp=" + (session->dir() / "s").string()});
  ASSERT_TRUE(host) << host.error().describe();
  const auto becomes = [&](unsigned depth) {
    const bool hdr = depth == 10;
    return host->await(Milliseconds(20000), [&](const nlohmann::json& now_is) {
      return now_is["state"] == "streaming" && now_is["capture"]["bit_depth"] == depth &&
             now_is["bit_depth"] == depth && now_is["color"]["hdr"] == hdr;
    });
  };
  ASSERT_TRUE(becomes(8)) << host->process().log_text();
  for (const auto& [codec, depth] : {std::pair{"hevc", 10U}, {"h264", 8U}, {"hevc", 10U}}) {
    const auto changed = session->output_of({LUMEN_HOST_BINARY, "ctl", "codec", codec});
    ASSERT_TRUE(changed) << changed.error().describe();
    EXPECT_TRUE(becomes(depth)) << codec << "\n" << host->process().log_text();
  }
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

// SVT-AV1 is lumen's AV1 without a GPU, and has eight bits.
TEST_F(TenBits, AnEncoderThatHasNoTenBitsGetsTheSourcesEight) {
  const Outcome outcome =
      stream({"--format", "BGRx+xRGB_210LE", "--color", "pq"}, {"--codec", "av1"});
  ASSERT_FALSE(outcome.frames.empty());
  EXPECT_EQ(outcome.status["capture"]["format"], "BGRx") << outcome.log;
  EXPECT_EQ(outcome.frames.back().tags.primaries, kBt709);
}

}  // namespace
}  // namespace lumen::session
