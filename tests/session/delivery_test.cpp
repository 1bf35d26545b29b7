// Every frame arrives, in order and pixel-right, in the recording and at RTP receivers.
#include <algorithm>
#include <fstream>
#include <numeric>

#include <unistd.h>

#include "core/time.h"
#include "free_port.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"
#include "verdict.h"

namespace lumen::session {
namespace {

constexpr std::uint64_t kFrames = 600;
constexpr Extent kSize{1920, 1080};

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
    expect_patches(frames->back());
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
