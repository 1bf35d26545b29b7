// The session's sound goes along with its picture, and trouble with it never stops the picture.
#include <filesystem>
#include <iostream>
#include <map>
#include <sstream>

#include <unistd.h>

#include "capture/synthetic/barcode.h"
#include "free_port.h"
#include "harness/decode.h"
#include "in_session.h"
#include "sound_fixture.h"

namespace lumen::session {
namespace {

class Sound : public InSession {
 protected:
  Process produce() {
    auto process = session->spawn({LUMEN_TEST_PRODUCER, "--name", "screen", "--size", "320x180",
                                   "--fps", "30", "--tell-times", "30"},
                                  StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(10000)));
    return std::move(*process);
  }
  Result<Host> record(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"--source", "node:screen", "--bitrate", "2M"};
    args.insert(args.end(), more.begin(), more.end());
    return Host::start(*session, args);
  }
  std::string file(const std::string& name) const { return (session->dir() / name).string(); }
};

auto sound_is(const char* state) {
  return [state](const nlohmann::json& status) {
    return status["audio"].is_object() && status["audio"]["state"] == state;
  };
}

auto packets_beyond(std::uint64_t count) {
  return [count](const nlohmann::json& status) {
    return status["audio"]["packets"].get<std::uint64_t>() > count;
  };
}

std::uint64_t packets(const nlohmann::json& status) {
  return status["audio"]["packets"].get<std::uint64_t>();
}

int encoded(const nlohmann::json& status) { return status["frames"]["encoded"].get<int>(); }

std::optional<std::uint32_t> number_of(const DecodedFrame& frame) {
  return barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
}

class SoundInFiles : public Sound, public testing::WithParamInterface<const char*> {};

// The picture says when it was drawn by its number, and the beep when it was played by its second.
TEST_P(SoundInFiles, IsInSyncWithThePicture) {
  plug_in_sink(*session, "speakers");
  auto tone = play_beeps(*session);
  auto producer = produce();
  const std::string path = file(std::string("out.") + GetParam());
  auto host = record({"--sink", "file:" + path, "--duration", "7"});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_EQ(host->exit_code(Milliseconds(30000)), 0) << host->process().log_text();

  std::map<std::uint32_t, double> drawn;  // number → seconds on the monotonic clock
  producer.stop();
  const auto told = producer.read_all(Milliseconds(5000));
  ASSERT_TRUE(told);
  std::istringstream lines(*told);
  for (std::string line; std::getline(lines, line);) {
    unsigned number = 0;
    long long at = 0;
    if (std::sscanf(line.c_str(), "frame %u at %lld", &number, &at) == 2) {
      drawn[number] = static_cast<double>(at) / 1e9;
    }
  }
  std::vector<double> zeros;  // of the recording's clock, as each of those frames has it
  const auto video = decode_video(path, [&](DecodedFrame&& frame) {
    const auto number = number_of(frame);
    if (!number) return;
    const auto found = drawn.find(*number);
    if (found != drawn.end()) {
      zeros.push_back(found->second - static_cast<double>(frame.pts_ns) / 1e9);
    }
  });
  ASSERT_TRUE(video) << video.error().describe();
  EXPECT_EQ(video->errors, 0U);
  ASSERT_GE(zeros.size(), 4U);

  const auto sound = test::read_sound(path);
  ASSERT_EQ(sound.error, "");
  EXPECT_EQ(sound.codec, "opus");
  EXPECT_EQ(sound.decode_errors, 0U);
  for (const double zero : {zeros.front(), zeros.back()}) {
    const auto offsets = beep_offsets(sound, zero);
    ASSERT_GE(offsets.size(), 4U) << "beeps heard";
    for (const double offset : offsets) {
      EXPECT_LT(std::abs(offset), 0.005) << "the bar is 20 ms";
      std::cerr << "sound late by " << offset * 1e3 << " ms\n";
    }
  }
  // Both sides, unmixed.
  const double beep = test::find_beeps(sound).at(2);
  EXPECT_GT(test::tone_level(sound, test::Side::kLeft, 1000, beep, 0.04), 0.35);
  EXPECT_LT(test::tone_level(sound, test::Side::kLeft, 1500, beep, 0.04), 0.1);
  EXPECT_GT(test::tone_level(sound, test::Side::kRight, 1500, beep, 0.04), 0.35);
}

INSTANTIATE_TEST_SUITE_P(Containers, SoundInFiles, testing::Values("mp4", "mkv"),
                         [](const auto& each) { return std::string(each.param); });

// A receiver that knows nothing but the SDP file and the sender reports.
TEST_F(Sound, IsSentByRtpInSyncWithThePicture) {
  session->set_env("LUMEN_DEBUG", "file");
  const int port = free_ports();
  auto host = Host::start(
      *session,
      {"--source", "synthetic:320x180@30", "--audio", "synthetic", "--bitrate", "2M", "--sink",
       fmt::format("rtp:127.0.0.1:{}?audio-port={}&audio-pt=100", port, port + 2), "--sdp",
       file("out.sdp"), "--sink", "file:" + file("own.mkv"), "--duration", "15"});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(
      eventually(Milliseconds(10000), [&] { return std::filesystem::exists(file("out.sdp")); }));
  const auto received = session->output_of(
      {"ffmpeg", "-v", "error", "-protocol_whitelist", "file,udp,rtp", "-i", file("out.sdp"),
       "-map", "0", "-c", "copy", "-t", "8", file("received.mkv")},
      Milliseconds(30000));
  ASSERT_TRUE(received) << received.error().describe();
  ASSERT_EQ(host->interrupt(), 0) << host->process().log_text();

  const auto own = decode_frames(file("own.mkv"), {.max_frames = 1});
  ASSERT_TRUE(own && !own->empty());
  const auto first = number_of(own->front());
  const auto start = start_of(host->process().log_text());
  ASSERT_TRUE(first && start);
  std::vector<double> zeros;  // of the receiver's clock, on the monotonic one
  const auto video = decode_video(file("received.mkv"), [&](DecodedFrame&& frame) {
    if (const auto number = number_of(frame)) {
      zeros.push_back(*start + (static_cast<double>(*number) - *first) / 30 -
                      static_cast<double>(frame.pts_ns) / 1e9);
    }
  });
  ASSERT_TRUE(video) << video.error().describe();
  ASSERT_GE(zeros.size(), 120U);
  const auto sound = test::read_sound(file("received.mkv"));
  ASSERT_EQ(sound.error, "");
  EXPECT_EQ(sound.channels, 2);
  const auto offsets = beep_offsets(sound, zeros.back());
  ASSERT_GE(offsets.size(), 5U);
  // Receivers synchronize with the second report.
  for (std::size_t i = 3; i < offsets.size(); ++i) {
    EXPECT_LT(std::abs(offsets[i]), 0.005) << "the bar is 20 ms";
    std::cerr << "sound late by " << offsets[i] * 1e3 << " ms\n";
  }
}

// A short form of the ten minutes in sound_long_test.
TEST_F(Sound, AClockThatIsOffDoesNotMoveTheSound) {
  const std::string path = file("out.mkv");
  auto host = Host::start(*session, {"--source", "synthetic:320x180@30", "--audio", "synthetic:500",
                                     "--sink", "file:" + path, "--duration", "12"});
  ASSERT_TRUE(host) << host.error().describe();
  const auto last = host->await(Milliseconds(30000), [](const nlohmann::json& status) {
    return status["uptime_s"].get<double>() > 10;
  });
  ASSERT_TRUE(last);
  EXPECT_NEAR((*last)["audio"]["drift_ppm"].get<double>(), 500, 100);
  ASSERT_EQ(host->exit_code(Milliseconds(30000)), 0) << host->process().log_text();
  const auto sound = test::read_sound(path);
  ASSERT_EQ(sound.error, "");
  const auto beeps = test::find_beeps(sound);
  ASSERT_GE(beeps.size(), 10U);
  // 500 ppm would be 5 ms by now.
  EXPECT_NEAR(beeps.back() - beeps.front(), std::round(beeps.back() - beeps.front()), 0.001);
}

TEST_F(Sound, OneThatIsNamedIsTakenAndOthersAreNot) {
  plug_in_sink(*session, "speakers");
  plug_in_sink(*session, "headset");
  auto tone = play_beeps(*session, "headset");
  auto producer = produce();
  const std::string path = file("out.mkv");
  const std::string silent = file("silent.mkv");
  auto host = record({"--audio", "node:headset", "--sink", "file:" + path, "--duration", "4"});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_EQ(host->exit_code(Milliseconds(30000)), 0) << host->process().log_text();
  EXPECT_GE(test::find_beeps(test::read_sound(path)).size(), 2U);
  host = record({"--audio", "node:speakers", "--sink", "file:" + silent, "--duration", "4"});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_EQ(host->exit_code(Milliseconds(30000)), 0) << host->process().log_text();
  EXPECT_EQ(test::find_beeps(test::read_sound(silent)).size(), 0U);
}

TEST_F(Sound, ASessionWithoutASoundDeviceIsStreamedWithout) {
  auto producer = produce();
  const std::string path = file("out.mp4");
  auto host = record({"--sink", "file:" + path, "--duration", "3"});
  ASSERT_TRUE(host) << host.error().describe();
  const auto status = host->await(Milliseconds(10000), sound_is("waiting"));
  ASSERT_TRUE(status);
  EXPECT_EQ(host->exit_code(Milliseconds(30000)), 0) << host->process().log_text();
  EXPECT_EQ(test::read_sound(path).error, "no sound") << "no empty track";
  EXPECT_NE(host->process().log_text().find("no sound device"), std::string::npos);
}

TEST_F(Sound, OffIsOff) {
  plug_in_sink(*session, "speakers");
  auto producer = produce();
  const std::string path = file("out.mp4");
  auto host = record({"--audio", "off", "--sink", "file:" + path, "--duration", "3"});
  ASSERT_TRUE(host) << host.error().describe();
  const auto status = host->status();
  ASSERT_TRUE(status);
  EXPECT_TRUE((*status)["audio"].is_null());
  EXPECT_EQ(host->exit_code(Milliseconds(30000)), 0) << host->process().log_text();
  EXPECT_EQ(test::read_sound(path).error, "no sound");
}

TEST_F(Sound, ASinkThatIsUnpluggedComesBackAndThePictureGoesOn) {
  plug_in_sink(*session, "speakers");
  auto producer = produce();
  const std::string path = file("out.mkv");
  auto host = record({"--audio", "node:speakers", "--sink", "file:" + path});
  ASSERT_TRUE(host) << host.error().describe();
  auto status = host->await(Milliseconds(15000), packets_beyond(50));
  ASSERT_TRUE(status) << host->process().log_text();

  unplug(*session, "speakers");
  status = host->await(Milliseconds(15000), sound_is("waiting"));
  ASSERT_TRUE(status) << host->process().log_text();
  EXPECT_NE((*status)["audio"]["reason"].get<std::string>().find("speakers"), std::string::npos);
  const int pictures = encoded(*status);
  status = host->await(Milliseconds(15000),
                       [&](const nlohmann::json& s) { return encoded(s) > pictures + 30; });
  ASSERT_TRUE(status) << "the picture stands still";

  plug_in_sink(*session, "speakers");
  status = host->await(Milliseconds(15000), packets_beyond(packets(*status) + 100));
  ASSERT_TRUE(status) << host->process().log_text();
  EXPECT_EQ((*status)["audio"]["state"], "streaming");
  EXPECT_GE((*status)["audio"]["gaps"].get<int>(), 1);
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  // Sound from after the gap is at its time, not where the sound before it ended.
  const auto sound = test::read_sound(path);
  ASSERT_EQ(sound.error, "");
  ASSERT_FALSE(sound.pieces.empty());
  double longest = 0;
  for (std::size_t i = 1; i < sound.pieces.size(); ++i) {
    longest = std::max(longest, sound.pieces[i].begin - sound.pieces[i - 1].begin);
  }
  EXPECT_GT(longest, 0.5);
}

TEST_F(Sound, FollowsTheDefaultSink) {
  plug_in_sink(*session, "speakers");
  auto producer = produce();
  auto host = record({"--sink", "file:" + file("out.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  auto status = host->await(Milliseconds(15000), packets_beyond(50));
  ASSERT_TRUE(status) << host->process().log_text();
  plug_in_sink(*session, "headset");
  unplug(*session, "speakers");
  status = host->await(Milliseconds(15000), packets_beyond(packets(*status) + 200));
  EXPECT_TRUE(status) << host->process().log_text();
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

TEST_F(Sound, ComesBackAfterPipeWireWasStartedAnew) {
  plug_in_sink(*session, "speakers");
  // Of its own, so that only the sound is in trouble.
  const std::string path = file("out.mkv");
  auto host = Host::start(*session, {"--source", "synthetic:320x180@30", "--audio", "node:speakers",
                                     "--sink", "file:" + path});
  ASSERT_TRUE(host) << host.error().describe();
  auto status = host->await(Milliseconds(15000), packets_beyond(50));
  ASSERT_TRUE(status) << host->process().log_text();
  session->kill_pipewire();
  status = host->await(Milliseconds(15000), sound_is("waiting"));
  ASSERT_TRUE(status) << host->process().log_text();
  const int pictures = encoded(*status);
  ASSERT_TRUE(session->start_pipewire());
  plug_in_sink(*session, "speakers");
  status = host->await(Milliseconds(20000), packets_beyond(packets(*status) + 100));
  ASSERT_TRUE(status) << host->process().log_text();
  EXPECT_GT(encoded(*status), pictures + 30) << "the picture went on meanwhile";
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

TEST_F(Sound, WithoutPipeWireThePictureIsStreamedAndTheSoundWaitedFor) {
  session->kill_pipewire();
  auto host = Host::start(*session, {"--source", "synthetic:320x180@30", "--audio", "node:speakers",
                                     "--sink", "file:" + file("out.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  auto status =
      host->await(Milliseconds(15000), [](const nlohmann::json& s) { return encoded(s) > 30; });
  ASSERT_TRUE(status) << host->process().log_text();
  EXPECT_EQ((*status)["audio"]["state"], "waiting");
  EXPECT_NE((*status)["audio"]["reason"].get<std::string>().find("PipeWire can't be reached"),
            std::string::npos);
  ASSERT_TRUE(session->start_pipewire());
  plug_in_sink(*session, "speakers");
  status = host->await(Milliseconds(20000), packets_beyond(50));
  EXPECT_TRUE(status) << host->process().log_text();
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

}  // namespace
}  // namespace lumen::session
