// What a player would see: decodes a recording or a stream with libavformat and libavcodec, turns
// pixels back into RGB as its tags say, and measures how far two pictures are apart.
// Any thread; a call keeps nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/color.h"
#include "core/error.h"
#include "core/geometry.h"

namespace lumen::session {

/// Colour tags as the bitstream carries them: values of ITU-T H.273; 2 is "unspecified".
struct ColorTags {
  int matrix = 2;
  int primaries = 2;
  int transfer = 2;
  int range = 0;  // 0 unspecified, 1 limited, 2 full (libavutil's AVColorRange)
};

/// One picture, 4:2:0, planes without padding.
struct DecodedFrame {
  std::uint64_t index = 0;  // from 0, in output order
  std::int64_t pts_ns = 0;  // from the start of the container's clock
  bool has_pts = false;     // a raw bitstream has none
  bool key = false;
  Extent size;
  ColorTags tags;
  unsigned bit_depth = 8;                // 8 or 10
  std::vector<std::uint16_t> deep_luma;  // of ten bits: code values; empty with eight
  // Of ten bits the upper eight.
  std::vector<std::uint8_t> luma;       // width × height
  std::vector<std::uint8_t> blue_diff;  // Cb, half the size each way, rounded up
  std::vector<std::uint8_t> red_diff;   // Cr, as large

  [[nodiscard]] Extent chroma_size() const { return {(size.width + 1) / 2, (size.height + 1) / 2}; }
};

struct DecodeSettings {
  std::uint64_t max_frames = std::numeric_limits<std::uint64_t>::max();
  // A live source (an .sdp) that says nothing for so long has ended.
  std::chrono::milliseconds idle_timeout{10000};
};

struct DecodedVideo {
  std::string container;  // libavformat's name, e.g. "mov,mp4,m4a,3gp,3g2,mj2"
  std::string codec;      // "h264", "hevc"
  std::string profile;    // e.g. "Constrained Baseline"; empty: unknown
  Extent size;            // of the first frame
  std::uint64_t frames = 0;
  std::uint64_t errors = 0;  // packets that the decoder complained about
};

/// Decodes the first video track and hands out every frame. Any file that libavformat knows, raw
/// .h264/.hevc, or an .sdp to receive. A truncated end is an end, not an error.
Result<DecodedVideo> decode_video(const std::string& location,
                                  const std::function<void(DecodedFrame&&)>& on_frame,
                                  const DecodeSettings& settings = {});

/// The frames themselves; mind the memory (1080p: 3 MB each).
Result<std::vector<DecodedFrame>> decode_frames(const std::string& location,
                                                const DecodeSettings& settings = {});

struct Rgb {
  double red = 0;  // 0…255; outside when the colour is out of gamut
  double green = 0;
  double blue = 0;
};

/// One Y'CbCr colour (code values 0…255) as R'G'B', by H.273's equations in double precision.
Rgb yuv_to_rgb(double luma, double blue_diff, double red_diff, ColorMatrix matrix,
               ColorRange range);

/// The mean colour of a rectangle, by the frame's own tags; kInvalidArgument when the matrix or the
/// range is untagged or the rectangle isn't inside.
Result<Rgb> mean_rgb(const DecodedFrame& frame, const Rect& rect);

/// Peak signal-to-noise ratio in dB of two planes of equal size; infinity when they are equal, 0
/// when the sizes differ.
double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b);
double luma_psnr(const DecodedFrame& a, const DecodedFrame& b);
/// Over the samples of all three planes.
double yuv_psnr(const DecodedFrame& a, const DecodedFrame& b);

}  // namespace lumen::session
