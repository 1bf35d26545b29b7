// The harness's parts that need no session: child processes, decoding, colours, distances.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "harness/decode.h"
#include "harness/process.h"

namespace lumen::session {
namespace {

using std::string_literals::operator""s;
constexpr Milliseconds kSoon{10000};

Process shell(const std::string& script, StandardOutput output = StandardOutput::kPipe) {
  auto process = Process::spawn({.argv = {"sh", "-c", script},
                                 .env = inherited_environment(),
                                 .log = {},
                                 .standard_output = output});
  if (!process) {
    ADD_FAILURE() << process.error().describe();
    std::abort();
  }
  return std::move(*process);
}

TEST(Process, TellsHowItEnded) {
  EXPECT_EQ(shell("exit 7").wait(kSoon)->code, 7);
  Process killed = shell("kill -9 $$");
  EXPECT_EQ(killed.wait(kSoon)->signal, SIGKILL);
  EXPECT_TRUE(shell("exit 0").wait(kSoon)->clean());
}

TEST(Process, WaitingHasADeadline) {
  Process sleeper = shell("exec sleep 1000");
  const auto ending = sleeper.wait(Milliseconds(1));
  ASSERT_FALSE(ending);
  EXPECT_EQ(ending.error().kind, ErrorKind::kRetry);
  EXPECT_TRUE(sleeper.running());
  EXPECT_EQ(sleeper.stop().signal, SIGTERM);
  EXPECT_FALSE(sleeper.running());
}

TEST(Process, MissingProgramIsNamed) {
  const auto process = Process::spawn(
      {.argv = {"no-such-program-here"}, .env = {}, .log = {}, .standard_output = {}});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind, ErrorKind::kNotFound);
}

TEST(Process, ReadsLinesAndValues) {
  Process process = shell("echo first; echo 'node-id=42'; printf tail");
  EXPECT_EQ(process.read_line(kSoon).value_or(""), "first");
  EXPECT_EQ(process.read_value("node-id=", kSoon).value_or(""), "42");
  EXPECT_EQ(process.read_all(kSoon).value_or(""), "tail");
}

TEST(Process, GivesOnlyTheEnvironmentItWasTold) {
  auto process = Process::spawn({.argv = {"env"},
                                 .env = {{"ONLY", "this"}},
                                 .log = {},
                                 .standard_output = StandardOutput::kPipe});
  ASSERT_TRUE(process);
  EXPECT_EQ(process->read_all(kSoon).value_or(""), "ONLY=this\n");
}

TEST(Process, ChildrenOfAnEndedProcessDieToo) {
  Process process = shell("sleep 1000 & echo $!; exit 0");
  const auto line = process.read_line(kSoon);
  ASSERT_TRUE(line);
  const auto child = static_cast<pid_t>(std::stol(*line));
  EXPECT_TRUE(process.wait(kSoon)->clean());
  // An orphan is reaped by init; until then it is a zombie, which kill() still finds.
  EXPECT_TRUE(eventually(kSoon, [&] {
    return ::kill(child, 0) != 0 || !std::filesystem::exists("/proc/" + *line + "/exe");
  }));
}

TEST(Process, ReportsWhatItUses) {
  Process process = shell("exec 5</dev/null 6</dev/null; echo ready; exec sleep 1000");
  ASSERT_TRUE(process.read_line(kSoon));
  EXPECT_TRUE(eventually(kSoon, [&] { return process.fd_count() == 5; })) << process.fd_count();
  // While the shell turns into sleep it has next to no memory.
  EXPECT_TRUE(eventually(kSoon, [&] { return process.rss_kib() > 100; }));
  EXPECT_EQ(process.threads(), 1U);
  process.kill();
  EXPECT_EQ(process.fd_count(), 0U);
}

TEST(Colors, FollowTheStandard) {
  // BT.709 limited range red: Y' 63, Cb 102, Cr 240 (rounded), so within the rounding of three
  // codes.
  const Rgb red = yuv_to_rgb(62.5594, 102.33606, 240, ColorMatrix::kBt709, ColorRange::kLimited);
  EXPECT_NEAR(red.red, 255, 0.01);
  EXPECT_NEAR(red.green, 0, 0.01);
  EXPECT_NEAR(red.blue, 0, 0.01);
  const Rgb white = yuv_to_rgb(235, 128, 128, ColorMatrix::kBt601, ColorRange::kLimited);
  EXPECT_NEAR(white.green, 255, 1e-9);
  // BT.601 full range, as JFIF has it: green is Y 149.685, Cb 43.52764, Cr 21.23456.
  const Rgb green = yuv_to_rgb(149.685, 43.52764, 21.23456, ColorMatrix::kBt601, ColorRange::kFull);
  EXPECT_NEAR(green.red, 0, 0.01);
  EXPECT_NEAR(green.green, 255, 0.01);
  EXPECT_NEAR(green.blue, 0, 0.01);
}

TEST(Distance, IsThePeakSignalToNoiseRatio) {
  const std::vector<std::uint8_t> flat(100, 50);
  std::vector<std::uint8_t> other(100, 51);
  EXPECT_TRUE(std::isinf(psnr(flat, flat)));
  EXPECT_NEAR(psnr(flat, other), 48.1308, 1e-4);  // 20 log10 255
  other.pop_back();
  EXPECT_EQ(psnr(flat, other), 0);
}

class Decoding : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("ffmpeg")) GTEST_SKIP() << "ffmpeg isn't installed";
    std::string pattern = std::filesystem::temp_directory_path() / "lumen-decode.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override {
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }

  /// 30 pictures at 30 fps, the left half `left`, the right half blue; tagged BT.709 limited.
  std::string clip(const std::string& name, const std::string& left) {
    const std::string path = dir_ / name;
    Process ffmpeg = shell(
        "ffmpeg -v error -f lavfi -i color=c=" + left + ":s=160x90:r=30:d=1,format=gbrp " +
            "-f lavfi -i color=c=blue:s=160x90:r=30:d=1,format=gbrp -filter_complex " +
            "'hstack,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p' -c:v libx264 -crf "
            "5 " +
            "-g 10 -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv " +
            path,
        StandardOutput::kLog);
    EXPECT_TRUE(ffmpeg.wait(Milliseconds(60000))->clean());
    return path;
  }

  std::filesystem::path dir_;
};

TEST_F(Decoding, GivesEveryFrameWithItsTimeAndColors) {
  std::vector<DecodedFrame> frames;
  const auto video = decode_video(
      clip("clip.mp4", "red"), [&](DecodedFrame&& frame) { frames.push_back(std::move(frame)); });
  ASSERT_TRUE(video) << video.error().describe();
  EXPECT_EQ(video->codec, "h264");
  EXPECT_EQ(video->frames, 30U);
  EXPECT_EQ(video->errors, 0U);
  EXPECT_EQ(video->size, (Extent{320, 90}));
  ASSERT_EQ(frames.size(), 30U);
  EXPECT_TRUE(frames[0].key);
  EXPECT_FALSE(frames[1].key);
  for (std::size_t n = 0; n < frames.size(); ++n) {
    EXPECT_NEAR(static_cast<double>(frames[n].pts_ns), static_cast<double>(n) * 1e9 / 30, 1e5);
  }
  const auto left = mean_rgb(frames[20], {.x = 20, .y = 20, .size = {100, 50}});
  ASSERT_TRUE(left) << left.error().describe();
  EXPECT_NEAR(left->red, 255, 4);
  EXPECT_NEAR(left->green, 0, 4);
  EXPECT_NEAR(left->blue, 0, 4);
  const auto right = mean_rgb(frames[20], {.x = 180, .y = 20, .size = {100, 50}});
  ASSERT_TRUE(right);
  EXPECT_NEAR(right->red, 0, 4);
  EXPECT_NEAR(right->blue, 255, 4);
  EXPECT_FALSE(mean_rgb(frames[20], {.x = 300, .y = 0, .size = {100, 50}}));
}

TEST_F(Decoding, ReadsRawStreamsAndTruncatedFiles) {
  const std::string raw = clip("clip.h264", "lime");
  const auto frames = decode_frames(raw, {.max_frames = 12});
  ASSERT_TRUE(frames) << frames.error().describe();
  EXPECT_EQ(frames->size(), 12U);
  std::filesystem::resize_file(raw, std::filesystem::file_size(raw) * 2 / 3);
  const auto fewer = decode_frames(raw);
  ASSERT_TRUE(fewer) << fewer.error().describe();
  EXPECT_GT(fewer->size(), 5U);
  EXPECT_LE(fewer->size(), 30U);
}

TEST_F(Decoding, TellsPicturesApart) {
  const auto red = decode_frames(clip("red.mp4", "red"), {.max_frames = 2});
  const auto lime = decode_frames(clip("lime.mp4", "lime"), {.max_frames = 1});
  ASSERT_TRUE(red && lime);
  EXPECT_GT(luma_psnr((*red)[0], (*red)[1]), 35);
  EXPECT_LT(luma_psnr((*red)[0], (*lime)[0]), 15);
  EXPECT_LT(yuv_psnr((*red)[0], (*lime)[0]), 15);
}

TEST_F(Decoding, AbsentFileIsAnError) {
  const auto video = decode_frames(dir_ / "nothing.mp4");
  ASSERT_FALSE(video);
  EXPECT_NE(video.error().message.find("nothing.mp4"), std::string::npos);
}

}  // namespace
}  // namespace lumen::session
