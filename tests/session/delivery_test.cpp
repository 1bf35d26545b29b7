// Every frame arrives, in order and pixel-right, in the recording and at RTP receivers.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include <unistd.h>

#include "capture/synthetic/barcode.h"
#include "capture/synthetic/pattern.h"
#include "core/time.h"
#include "free_port.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"

namespace lumen::session {
namespace {

constexpr std::uint64_t kFrames = 600;
constexpr Extent kSize{1920, 1080};

std::optional<std::uint32_t> number_of(const DecodedFrame& frame) {
  return barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
}

/// The frame that the barcode names, as BT.709 limited NV12 would have it.
class Reference {
 public:
  explicit Reference(Extent size)
      : painter_(Fourcc::kBGRx, size), bytes_(size.width * size.height * 4) {
    view_ = view_pixels(bytes_.data(), Fourcc::kBGRx, size, Pitch{size.width * 4});
    painter_.draw_static(view_);
  }

  /// Luma PSNR of a decoded frame against the drawing, with the luma computed in double precision.
  double psnr(std::uint32_t number, const DecodedFrame& frame) {
    painter_.draw_moving(number, view_);
    double squares = 0;
    for (std::size_t i = 0; i < frame.luma.size(); ++i) {
      const std::uint8_t* p = &bytes_[i * 4];
      const double luma = 16 + 219.0 / 255 * (0.0722 * p[0] + 0.7152 * p[1] + 0.2126 * p[2]);
      squares += (luma - frame.luma[i]) * (luma - frame.luma[i]);
    }
    const double mean = squares / static_cast<double>(frame.luma.size());
    return 10 * std::log10(255.0 * 255.0 / mean);
  }

 private:
  PatternPainter painter_;
  std::vector<std::uint8_t> bytes_;
  PixelsView view_;
};

void expect_primaries(const DecodedFrame& frame) {
  for (unsigned i = 0; i < kPatchCount; ++i) {
    Rect inner = patch_rect(i, frame.size);
    inner.x += inner.size.width / 4;
    inner.y += inner.size.height / 4;
    inner.size = {inner.size.width / 2, inner.size.height / 2};
    const auto mean = mean_rgb(frame, inner);
    ASSERT_TRUE(mean) << mean.error().describe();
    EXPECT_NEAR(mean->red, patch_color(i).r, 4) << "patch " << i;
    EXPECT_NEAR(mean->green, patch_color(i).g, 4) << "patch " << i;
    EXPECT_NEAR(mean->blue, patch_color(i).b, 4) << "patch " << i;
  }
}

/// What a viewer would complain about: frames lost, doubled, swapped, blurred or in wrong colours.
struct Verdict {
  std::vector<std::uint32_t> numbers;
  std::vector<std::int64_t> times_ns;
  double worst_psnr = 1e9;
};

Verdict watch(const std::string& location, Extent size, unsigned compare_every) {
  Verdict verdict;
  Reference reference(size);
  const auto video = decode_video(location, [&](DecodedFrame&& frame) {
    ASSERT_EQ(frame.size, size);
    const auto number = number_of(frame);
    ASSERT_TRUE(number) << "frame " << frame.index << " has no readable barcode";
    verdict.numbers.push_back(*number);
    verdict.times_ns.push_back(frame.pts_ns);
    if (frame.index % compare_every != 0) return;
    verdict.worst_psnr = std::min(verdict.worst_psnr, reference.psnr(*number, frame));
    expect_primaries(frame);
  });
  EXPECT_TRUE(video) << video.error().describe();
  EXPECT_EQ(video ? video->errors : 1U, 0U) << "the decoder complained";
  return verdict;
}

void expect_delivered(const Verdict& verdict, std::uint64_t frames) {
  ASSERT_FALSE(verdict.numbers.empty());
  for (std::size_t i = 1; i < verdict.numbers.size(); ++i) {
    ASSERT_GT(verdict.numbers[i], verdict.numbers[i - 1]) << "doubled or swapped at " << i;
  }
  const std::uint64_t span = verdict.numbers.back() - verdict.numbers.front() + 1;
  const std::uint64_t lost = span - verdict.numbers.size();
  EXPECT_LE(lost, frames / 200) << "at most 0.5% may be lost";
  EXPECT_GE(verdict.numbers.size() + frames / 200, frames);
  EXPECT_GE(verdict.worst_psnr, 35.0);
}

bool udp_port_bound(const std::string& port) {
  char hex[8];
  std::snprintf(hex, sizeof(hex), ":%04X ", static_cast<unsigned>(std::stoul(port)));
  for (const char* table : {"/proc/net/udp", "/proc/net/udp6"}) {
    std::ifstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(hex) != std::string::npos) return true;
    }
  }
  return false;
}

class Delivery : public InSession {
 protected:
  Process produce(std::vector<std::string> args) {
    args.insert(args.begin(), {LUMEN_TEST_PRODUCER, "--name", "screen"});
    auto process = session->spawn(args, StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(10000)));
    return std::move(*process);
  }
  std::string file(const std::string& name) const { return (session->dir() / name).string(); }

  /// GStreamer as a receiver that is there before the first packet.
  Result<Process> gstreamer_receiver(const std::string& port, const std::string& codec,
                                     const std::string& output) {
    auto receiver = session->spawn(
        {"gst-launch-1.0", "-e", "udpsrc", "port=" + port, "buffer-size=4000000",
         "caps=application/x-rtp,media=video,clock-rate=90000,payload=96,encoding-name=" +
             std::string(codec == "h264" ? "H264" : "H265"),
         "!", "rtpjitterbuffer", "latency=500", "!",
         codec == "h264" ? "rtph264depay" : "rtph265depay", "!",
         codec == "h264" ? "h264parse" : "h265parse", "!", "matroskamux", "!", "filesink",
         "location=" + output});
    EXPECT_TRUE(eventually(Milliseconds(30000), [&] { return udp_port_bound(port); }));
    return receiver;
  }
};

TEST_F(Delivery, SixHundredFramesOf1080p60ArriveInTheFileAndByRtp) {
  const std::string port = free_port();
  auto receiver = gstreamer_receiver(port, "h264", file("rtp.mkv"));
  ASSERT_TRUE(receiver);
  auto producer = produce({"--frames", "2400"});  // a busy machine skips some
  auto host = Host::start(*session, {"--source", "node:screen", "--frames", "600", "--bitrate",
                                     "20M", "--sink", "file:" + file("out.mp4"), "--sink",
                                     "rtp:127.0.0.1:" + port, "--sdp", file("out.sdp")});
  ASSERT_TRUE(host) << host.error().describe();
  std::optional<nlohmann::json> last;
  while (auto status = host->status()) last = status;
  ASSERT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
  receiver->signal(SIGINT);
  ASSERT_TRUE(receiver->wait(Milliseconds(20000)));

  const Verdict recorded = watch(file("out.mp4"), kSize, 40);
  expect_delivered(recorded, kFrames);
  const Verdict received = watch(file("rtp.mkv"), kSize, 120);
  expect_delivered(received, kFrames);
  EXPECT_EQ(received.numbers, recorded.numbers) << "loopback loses nothing";

  // Times are the capture clock's, never re-stamped: each lies on the producer's grid (it may have
  // missed a slot on a busy machine), to one 90 kHz tick.
  for (std::size_t i = 0; i < recorded.times_ns.size(); ++i) {
    const auto since = static_cast<double>(recorded.times_ns[i] - recorded.times_ns.front());
    const auto slot = static_cast<std::uint64_t>(std::llround(since * 60 / 1e9));
    ASSERT_GE(slot, recorded.numbers[i] - recorded.numbers.front());
    ASSERT_NEAR(since, static_cast<double>(frame_offset({60, 1}, slot).count()), 12'000)
        << "frame " << recorded.numbers[i];
  }
  ASSERT_TRUE(last);
  EXPECT_EQ((*last)["encoder"], "libx264");
  EXPECT_EQ((*last)["route"], "cpu/shm");
  const double bitrate = (*last)["bitrate_bps"]["average"].get<double>();
  EXPECT_NEAR(bitrate, 20e6, 2e6) << "bit rate over the whole recording";
}

TEST_F(Delivery, ALateReceiverStartsAtTheNextKeyFrame) {
  for (const std::string codec : {"h264", "hevc"}) {
    const std::string port = free_port();
    auto host = Host::start(
        *session, {"--source", "synthetic:640x360@30", "--codec", codec, "--bitrate", "3M",
                   "--sink", "rtp:127.0.0.1:" + port, "--sdp", file(codec + ".sdp")});
    ASSERT_TRUE(host) << host.error().describe();
    ASSERT_TRUE(host->await(Milliseconds(15000), [](const auto& s) {
      return s["frames"]["encoded"].template get<int>() > 20;
    })) << host->process().log_text();
    DecodeSettings settings;
    settings.max_frames = 60;
    const auto frames = decode_frames(file(codec + ".sdp"), settings);
    ASSERT_TRUE(frames) << frames.error().describe();
    ASSERT_GE(frames->size(), 60U) << codec;
    std::optional<std::uint32_t> before;
    for (const DecodedFrame& frame : *frames) {
      const auto number = number_of(frame);
      if (!number) continue;  // pictures that lean on what came before the receiver did
      EXPECT_EQ(*number, before.value_or(*number - 1) + 1) << codec;
      before = number;
    }
    ASSERT_TRUE(before) << codec;
    EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  }
}

TEST_F(Delivery, EveryFormatAndMemoryIsPixelRight) {
  const std::vector<std::vector<std::string>> variants = {
      {"--format", "BGRx", "--memory", "memptr"},
      {"--format", "BGRA", "--framerate", "variable"},
      {"--format", "RGBx", "--pts", "minus1"},
      {"--format", "RGBA", "--pts", "none"},
      {"--format", "NV12"},
      {"--format", "NV12", "--memory", "memptr"},
      {"--format", "BGRx", "--modifiers", "linear"},
  };
  for (const auto& variant : variants) {
    const std::string name = std::accumulate(variant.begin(), variant.end(), std::string());
    SCOPED_TRACE(name);
    std::vector<std::string> args = {"--size", "640x360", "--fps", "30", "--linger", "5"};
    args.insert(args.end(), variant.begin(), variant.end());
    auto producer = produce(args);
    auto host = Host::start(*session, {"--source", "node:screen", "--frames", "30", "--bitrate",
                                       "8M", "--sink", "file:" + file(name + ".mp4")});
    ASSERT_TRUE(host) << host.error().describe();
    ASSERT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
    const Verdict verdict = watch(file(name + ".mp4"), {640, 360}, 10);
    ASSERT_GE(verdict.numbers.size(), 28U);
    EXPECT_GE(verdict.worst_psnr, 35.0);
    producer.stop();
  }
}

TEST_F(Delivery, ScaledPicturesKeepTheirShapeAndOddSizesWork) {
  struct Case {
    std::string size;
    std::vector<std::string> args;
    Extent result;
  };
  for (const Case& c :
       {Case{"1280x720", {"--size", "640x360"}, {640, 360}},
        Case{"640x360", {"--size", "1280x720"}, {1280, 720}}, Case{"641x363", {}, {642, 364}}}) {
    SCOPED_TRACE(c.size);
    auto producer = produce({"--size", c.size, "--fps", "30", "--linger", "5"});
    std::vector<std::string> args = {
        "--source",  "node:screen", "--frames", "20",
        "--bitrate", "10M",         "--sink",   "file:" + file("scaled.mp4")};
    args.insert(args.end(), c.args.begin(), c.args.end());
    auto host = Host::start(*session, args);
    ASSERT_TRUE(host) << host.error().describe();
    ASSERT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
    const auto frames = decode_frames(file("scaled.mp4"));
    ASSERT_TRUE(frames) << frames.error().describe();
    ASSERT_GE(frames->size(), 18U);
    for (const DecodedFrame& frame : *frames) {
      EXPECT_EQ(frame.size, c.result);
      EXPECT_TRUE(number_of(frame));
    }
    expect_primaries(frames->back());
    producer.stop();
  }
}

TEST_F(Delivery, EveryContainerHoldsTheSamePictures) {
  for (const auto& [codec, extension] : std::vector<std::pair<std::string, std::string>>{
           {"h264", "mkv"}, {"h264", "h264"}, {"hevc", "hevc"}, {"hevc", "mp4"}}) {
    SCOPED_TRACE(codec + " in " + extension);
    const std::string path = file("out-" + codec + "." + extension);
    auto host =
        Host::start(*session, {"--source", "synthetic:640x360@30", "--codec", codec, "--frames",
                               "45", "--bitrate", "8M", "--sink", "file:" + path});
    ASSERT_TRUE(host) << host.error().describe();
    ASSERT_EQ(host->exit_code(Milliseconds(30000)), 0) << host->process().log_text();
    const Verdict verdict = watch(path, {640, 360}, 15);
    EXPECT_GE(verdict.numbers.size(), 40U);
    EXPECT_GE(verdict.worst_psnr, 33.0);
  }
}

TEST_F(Delivery, AStillScreenGoesOnAndKeepsItsKeyFrames) {
  auto producer = produce({"--size", "640x360", "--fps", "30", "--frames", "10", "--linger", "30"});
  auto host = Host::start(*session, {"--source", "node:screen", "--duration", "6", "--sink",
                                     "file:" + file("still.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
  const auto frames = decode_frames(file("still.mkv"));
  ASSERT_TRUE(frames) << frames.error().describe();
  EXPECT_EQ(number_of(frames->back()), 9U) << "the last picture stays";
  EXPECT_GT(frames->back().pts_ns - frames->front().pts_ns, 5'000'000'000);
  std::int64_t last_key = frames->front().pts_ns;
  for (const DecodedFrame& frame : *frames) {
    if (frame.key) last_key = frame.pts_ns;
    EXPECT_LE(frame.pts_ns - last_key, 2'100'000'000) << "no key frame for more than two seconds";
  }
}

TEST_F(Delivery, TheRateIsHeldToTheCap) {
  auto producer = produce({"--size", "640x360", "--fps", "60", "--linger", "5"});
  auto host = Host::start(*session, {"--source", "node:screen", "--fps", "30", "--duration", "3",
                                     "--sink", "file:" + file("capped.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
  const auto frames = decode_frames(file("capped.mkv"));
  ASSERT_TRUE(frames);
  const double seconds = static_cast<double>(frames->back().pts_ns - frames->front().pts_ns) / 1e9;
  EXPECT_LE(static_cast<double>(frames->size() - 1) / seconds, 30.6);
  EXPECT_GE(static_cast<double>(frames->size() - 1) / seconds, 27.0);
}

// x264 spends nothing on what the producer says is the same; what it shows must be the same all the
// same, across dropped frames, scaling and key frames.
TEST_F(Delivery, WhatTheSourceSaysIsUnchangedStaysRight) {
  for (const std::string damage : {"told", "none"}) {
    SCOPED_TRACE(damage);
    auto producer = produce({"--frames", "400", "--size", "1280x720", "--damage", damage});
    auto host = Host::start(*session, {"--source", "node:screen", "--frames", "150", "--fps", "40",
                                       "--bitrate", "20M", "--sink", "file:" + file("out.mp4")});
    ASSERT_TRUE(host) << host.error().describe();
    std::optional<nlohmann::json> last;
    while (auto status = host->status()) last = status;
    ASSERT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
    ASSERT_TRUE(last);
    const Verdict recorded = watch(file("out.mp4"), {1280, 720}, 10);
    EXPECT_EQ(recorded.numbers.size(), 150U);
    EXPECT_GE(recorded.worst_psnr, 35.0);
    if (damage == "none") {
      EXPECT_EQ((*last)["damage"]["frames"], 0);
    } else {
      EXPECT_GE((*last)["damage"]["frames"], 100) << "all but those after the first";
      // The barcode's eighth and the stage's quarter.
      EXPECT_NEAR((*last)["damage"]["share"].get<double>(), 0.375, 0.02);
    }
  }
}

TEST_F(Delivery, ASourceThatLiesAboutDamageDoesNoHarmWhereItIsNotBelieved) {
  for (const std::string believe : {"auto", "off"}) {
    auto producer = produce({"--frames", "200", "--size", "1280x720", "--damage", "lie"});
    auto host = Host::start(*session, {"--source", "node:screen", "--frames", "60", "--damage",
                                       believe, "--sink", "file:" + file("out.mp4")});
    ASSERT_TRUE(host) << host.error().describe();
    while (host->status()) continue;
    ASSERT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
    const Verdict recorded = watch(file("out.mp4"), {1280, 720}, 10);
    if (believe == "off") {
      EXPECT_GE(recorded.worst_psnr, 35.0);
    } else {
      EXPECT_LT(recorded.worst_psnr, 30.0) << "else the encoder never looked at the damage";
    }
  }
}

}  // namespace
}  // namespace lumen::session
