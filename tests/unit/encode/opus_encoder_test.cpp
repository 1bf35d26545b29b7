// Opus packets that a decoder turns back into the sound that they were made of, at the right time.
#include "encode/audio/opus_encoder.h"

#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>
#include <opus/opus.h>

namespace lumen {
namespace {

constexpr Timestamp kFirstSound{std::chrono::hours{100}};

struct Decoder {
  Decoder() {
    int code = 0;
    decoder.reset(opus_decoder_create(48'000, 2, &code));
  }
  std::vector<float> decode(const AudioPacket& packet) const {
    std::vector<float> samples(2 * 5760);
    const auto bytes = packet.data.view();
    const int count =
        opus_decode_float(decoder.get(), bytes.data(), static_cast<opus_int32>(bytes.size()),
                          samples.data(), 5760, 0);
    samples.resize(static_cast<std::size_t>(std::max(count, 0)) * 2);
    return samples;
  }
  struct Free {
    void operator()(OpusDecoder* d) const { opus_decoder_destroy(d); }
  };
  std::unique_ptr<OpusDecoder, Free> decoder;
};

float tone(double seconds, double frequency) {
  return static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * frequency * seconds));
}

std::vector<float> frame_at(double seconds) {
  std::vector<float> samples;
  for (unsigned i = 0; i < kOpusFrame; ++i) {
    samples.push_back(tone(seconds + i / 48'000.0, 1000));
    samples.push_back(tone(seconds + i / 48'000.0, 1500));
  }
  return samples;
}

TEST(OpusEncoder, PtsIsWhenTheDecodedSoundIsHeard) {
  auto encoder = audio::Encoder::create({});
  ASSERT_TRUE(encoder) << encoder.error().describe();
  const Decoder decoder;
  double worst = 0;
  for (int n = 0; n < 100; ++n) {
    const auto packet =
        (*encoder)->encode(frame_at(n * 0.01), kFirstSound + n * std::chrono::milliseconds{10});
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->duration, std::chrono::milliseconds{10});
    const auto samples = decoder.decode(*packet);
    ASSERT_EQ(samples.size(), 2 * kOpusFrame) << "10 ms";
    if (n < 5) continue;  // the codec settles
    const double begin = std::chrono::duration<double>(packet->pts - kFirstSound).count();
    for (unsigned i = 0; i < kOpusFrame; ++i) {
      const double time = begin + i / 48'000.0;
      worst = std::max<double>(worst, std::abs(samples[2 * i] - tone(time, 1000)));
      worst = std::max<double>(worst, std::abs(samples[2 * i + 1] - tone(time, 1500)));
    }
  }
  // Off by the encoder's delay (2.5 ms) it would be 1.
  EXPECT_LT(worst, 0.05);
}

TEST(OpusEncoder, KeepsItsBitRateAndSavesItOnSilence) {
  auto encoder = audio::Encoder::create({.bitrate_bps = 128'000});
  ASSERT_TRUE(encoder);
  EXPECT_EQ((*encoder)->parameters().bitrate_bps, 128'000U);
  std::size_t loud = 0;
  std::size_t silent = 0;
  std::uint32_t noise = 1;
  for (int n = 0; n < 300; ++n) {
    std::vector<float> samples(2 * kOpusFrame);
    for (float& sample : samples) {
      noise = noise * 1664525 + 1013904223;
      sample = n < 100 ? static_cast<float>(static_cast<std::int32_t>(noise)) / 8e9F : 0.0F;
    }
    const auto packet = (*encoder)->encode(samples, kFirstSound);
    ASSERT_TRUE(packet);
    if (n < 100) loud += packet->data.view().size();
    if (n >= 200) silent += packet->data.view().size();
  }
  EXPECT_NEAR(static_cast<double>(loud) * 8, 128'000, 40'000) << "in the first second";
  EXPECT_LT(silent, loud / 20);
}

TEST(OpusEncoder, AFrameOfTheWrongLengthIsRefused) {
  auto encoder = audio::Encoder::create({});
  ASSERT_TRUE(encoder);
  const auto packet = (*encoder)->encode(std::vector<float>(100), kFirstSound);
  ASSERT_FALSE(packet);
  EXPECT_EQ(packet.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace lumen
