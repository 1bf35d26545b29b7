// The moving test picture as encoder input, and what a player sees of an encoded stream.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "capture/synthetic/pattern.h"
#include "encode/encoded_frame.h"
#include "zerocopy/frame.h"

struct AVCodecContext;

namespace lumen::test {

/// Draws NV12 or I420 frames in host memory, each with its number as a barcode. Thread-safe.
class TestFrames {
 public:
  TestFrames(Fourcc format, Extent size);
  [[nodiscard]] Frame at(std::uint32_t number) const;

 private:
  Fourcc format_;
  Extent size_;
  PatternPainter painter_;  // NV12
};

/// A picture as a player shows it.
struct DecodedPicture {
  Extent size;
  std::vector<std::uint8_t> luma;  // rows without gaps
  std::vector<std::uint8_t> blue;  // Cb, likewise, half as wide and high
  std::vector<std::uint8_t> red;
  int color_primaries = 0;
  int color_transfer = 0;
  int color_matrix = 0;
  bool full_range = false;

  /// Of the test picture; none where it can't be read.
  [[nodiscard]] std::optional<std::uint32_t> number() const;
};

/// libavcodec's software decoder, fed access unit by access unit as a receiver would: parameter
/// sets in front of key frames.
class PlayerDecoder {
 public:
  explicit PlayerDecoder(Codec codec);
  ~PlayerDecoder();
  PlayerDecoder(const PlayerDecoder&) = delete;
  PlayerDecoder& operator=(const PlayerDecoder&) = delete;

  /// What becomes visible with this access unit.
  std::vector<DecodedPicture> decode(const EncodedFrame& frame);
  std::vector<DecodedPicture> flush();

 private:
  std::vector<DecodedPicture> receive();
  AVCodecContext* context_;
};

/// All of a stream, in order.
std::vector<DecodedPicture> play(Codec codec, const std::vector<EncodedFrame>& frames);

/// Luma, in dB; 100 where they are the same.
double psnr(const DecodedPicture& picture, const Frame& original);
double psnr(const DecodedPicture& a, const DecodedPicture& b);

}  // namespace lumen::test
