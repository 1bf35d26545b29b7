// Recordings with sound: what a player hears, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/audio/beep.h"
#include "encode/audio/opus_encoder.h"
#include "encoded_stream.h"
#include "sink/file/file_sink.h"
#include "support/sound_reader.h"

namespace lumen {
namespace {

using test::Side;

/// Beeps as packets, from `begin` until `end`, but not within the gap.
std::vector<AudioPacket> beeps(audio::Encoder& encoder, Timestamp begin, Timestamp end,
                               Timestamp gap_begin = kNoTimestamp,
                               Timestamp gap_end = kNoTimestamp) {
  std::vector<AudioPacket> packets;
  for (Timestamp time = begin; time < end; time += std::chrono::milliseconds{10}) {
    if (time >= gap_begin && time < gap_end) continue;
    std::vector<float> samples;
    for (int i = 0; i < static_cast<int>(kOpusFrame); ++i) {
      const StereoSample sample = beep_at(time + Nanoseconds{std::int64_t{i} * 62'500 / 3});
      samples.push_back(sample.left);
      samples.push_back(sample.right);
    }
    auto packet = encoder.encode(samples, time);
    EXPECT_TRUE(packet);
    packets.push_back(*packet);
  }
  return packets;
}

class FileSound : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto made = audio::Encoder::create({});
    ASSERT_TRUE(made) << made.error().describe();
    encoder = *std::move(made);
    frames = test::encode_stream({.rate = {30, 1}, .frames = 120});
  }

  /// The picture begins a quarter of a second after a whole one; so beeps are at 0.75, 1.75, … s.
  void place_pictures() {
    const Timestamp start{std::chrono::seconds{1000} + std::chrono::milliseconds{250}};
    for (std::size_t n = 0; n < frames.size(); ++n) {
      frames[n].pts = start + frame_offset({30, 1}, n);
    }
  }

  /// Pictures and sound as they come: the sound is 40 ms late.
  void record(const std::vector<AudioPacket>& sound) {
    auto sink = FileSink::create({.path = path()});
    ASSERT_TRUE(sink) << sink.error().describe();
    (*sink)->expect_audio(encoder->parameters());
    ASSERT_TRUE((*sink)->open(*frames.front().stream));
    auto packet = sound.begin();
    for (const auto& frame : frames) {
      FrameTimes times = frame.times;
      ASSERT_TRUE((*sink)->write(frame, times));
      for (; packet != sound.end() && packet->pts + std::chrono::milliseconds{40} < frame.pts;
           ++packet) {
        const auto written = (*sink)->write_audio(*packet);
        ASSERT_TRUE(written) << written.error().describe();
      }
    }
    const auto closed = (*sink)->close();
    ASSERT_TRUE(closed) << closed.error().describe();
  }
  std::string path() const { return directory / (std::string("a.") + GetParam()); }

  test::TemporaryDirectory directory;
  std::unique_ptr<audio::Encoder> encoder;
  std::vector<EncodedFrame> frames;
};

TEST_P(FileSound, IsHeardWithThePicture) {
  place_pictures();
  // It begins before the picture does.
  record(
      beeps(*encoder, Timestamp{std::chrono::seconds{999}}, Timestamp{std::chrono::seconds{1005}}));
  const auto sound = test::read_sound(path());
  ASSERT_EQ(sound.error, "");
  EXPECT_EQ(sound.codec, "opus");
  EXPECT_EQ(sound.rate, 48'000);
  EXPECT_EQ(sound.channels, 2);
  EXPECT_EQ(sound.decode_errors, 0U);
  for (const Side side : {Side::kLeft, Side::kRight}) {
    const auto found = test::find_beeps(sound, side);
    ASSERT_EQ(found.size(), 4U);
    for (std::size_t n = 0; n < found.size(); ++n) {
      EXPECT_NEAR(found[n], 0.75 + static_cast<double>(n), 0.001) << "beep " << n;
    }
  }
  // Left and right are not mixed up.
  EXPECT_GT(test::tone_level(sound, Side::kLeft, kBeepLeft, 1.75, 0.05), 0.4);
  EXPECT_LT(test::tone_level(sound, Side::kLeft, kBeepRight, 1.75, 0.05), 0.05);
  EXPECT_GT(test::tone_level(sound, Side::kRight, kBeepRight, 1.75, 0.05), 0.4);
}

TEST_P(FileSound, AGapLeavesWhatFollowsAtItsTime) {
  place_pictures();
  record(beeps(*encoder, Timestamp{std::chrono::seconds{1001}},
               Timestamp{std::chrono::seconds{1005}},
               Timestamp{std::chrono::milliseconds{1001'500}},
               Timestamp{std::chrono::milliseconds{1002'800}}));
  const auto sound = test::read_sound(path());
  ASSERT_EQ(sound.error, "");
  const auto found = test::find_beeps(sound);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_NEAR(found[0], 0.75, 0.001) << "the first packet comes after the first pictures";
  EXPECT_NEAR(found[1], 2.75, 0.001);
  EXPECT_NEAR(found[2], 3.75, 0.001);
}

INSTANTIATE_TEST_SUITE_P(Containers, FileSound, testing::Values("mp4", "mkv"),
                         [](const auto& each) { return std::string(each.param); });

TEST(RawRecordings, LeaveTheSoundOut) {
  const test::TemporaryDirectory directory;
  const auto frames = test::encode_stream({.frames = 2});
  auto encoder = audio::Encoder::create({});
  ASSERT_TRUE(encoder);
  auto sink = FileSink::create({.path = directory / "a.h264"});
  ASSERT_TRUE(sink);
  (*sink)->expect_audio((*encoder)->parameters());
  ASSERT_TRUE((*sink)->open(*frames.front().stream));
  FrameTimes times = frames[0].times;
  ASSERT_TRUE((*sink)->write(frames[0], times));
  const auto before = (*sink)->stats().bytes;
  for (const auto& packet :
       beeps(**encoder, frames[0].pts, frames[0].pts + std::chrono::seconds{1})) {
    EXPECT_TRUE((*sink)->write_audio(packet));
  }
  EXPECT_TRUE((*sink)->close());
  EXPECT_EQ((*sink)->stats().bytes, before);
}

TEST(RecordingsWithoutSound, HaveNoTrackForIt) {
  const test::TemporaryDirectory directory;
  const auto frames = test::encode_stream({.frames = 2});
  auto sink = FileSink::create({.path = directory / "a.mp4"});
  ASSERT_TRUE(sink);
  ASSERT_TRUE((*sink)->open(*frames.front().stream));
  for (const auto& frame : frames) {
    FrameTimes times = frame.times;
    ASSERT_TRUE((*sink)->write(frame, times));
  }
  ASSERT_TRUE((*sink)->close());
  EXPECT_EQ(test::read_sound(directory / "a.mp4").error, "no sound");
}

}  // namespace
}  // namespace lumen
