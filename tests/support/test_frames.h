// The moving test picture as encoder input, and what a player sees of an encoded stream.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "capture/synthetic/pattern.h"
#include "encode/encoded_frame.h"
#include "zerocopy/frame.h"

struct AVCodecContext;

namespace lumen::test {

/// Draws Y'CbCr frames of any kind in host memory, each with its number as a barcode. Those of
/// 4:4:4 have single columns of Cb and single rows of Cr in detail_area(), those of ten bits a ramp
/// of single code values in ramp_area(), in place of the pattern. Thread-safe.
class TestFrames {
 public:
  TestFrames(Fourcc format, Extent size);
  [[nodiscard]] Frame at(std::uint32_t number) const;

  static Rect detail_area(Extent size);
  static Rect ramp_area(Extent size);

 private:
  Fourcc format_;
  Extent size_;
  PatternPainter painter_;  // NV12
};

/// Samples of a plane, rows without gaps.
struct SamplePlane {
  Extent size;
  std::vector<std::uint16_t> samples;
};

/// A picture as a player shows it.
struct DecodedPicture {
  Extent size;
  unsigned bit_depth = 8;
  std::array<SamplePlane, 3> planes;  // Y, Cb, Cr as they were decoded
  // The same in the upper eight bits.
  std::vector<std::uint8_t> luma;
  std::vector<std::uint8_t> blue;
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

/// Y, Cb and Cr of a frame in host memory, of the bit depth that its format has.
std::array<SamplePlane, 3> samples_of(const Frame& frame);

/// Of a plane, in dB; 100 where they are the same, 0 where they can't be compared.
double psnr(const SamplePlane& a, const SamplePlane& b, unsigned bit_depth);
/// Luma.
double psnr(const DecodedPicture& picture, const Frame& original);
/// The worse of Cb and Cr.
double chroma_psnr(const DecodedPicture& picture, const Frame& original);
/// A part of a plane.
SamplePlane part_of(const SamplePlane& plane, const Rect& part);
double psnr(const DecodedPicture& a, const DecodedPicture& b);

}  // namespace lumen::test
