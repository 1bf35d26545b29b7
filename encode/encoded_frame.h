// What an encoder makes: one access unit, and the parameters of the stream that it belongs to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/color.h"
#include "core/frame_times.h"
#include "core/geometry.h"
#include "core/time.h"

namespace lumen {

enum class Codec : std::uint8_t { kH264, kHevc, kAv1 };
std::string_view to_string(Codec codec);  // "h264", "hevc", "av1"

/// Constant for all frames of one encoder instance. A new instance (fallback, new size) makes a new
/// one, starting with a key frame.
struct StreamParameters {
  Codec codec = Codec::kH264;
  Extent size;
  FrameRate rate;  // nominal; frames carry their own times
  ColorDescription color;
  std::uint64_t bitrate_bps = 0;  // target
  std::string encoder;            // "libx264", "h264_nvenc", …
  /// SPS and PPS (HEVC: VPS, SPS, PPS) as Annex B with four-byte start codes. Key frames do not
  /// repeat them: a sink that needs them in band puts them in front itself. AV1: the sequence
  /// header as one OBU with a size field, which key frames repeat.
  std::vector<std::uint8_t> parameter_sets;
};

/// Immutable bytes with shared ownership: several sinks, one copy.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> owner, std::span<const std::uint8_t> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}
  [[nodiscard]] std::span<const std::uint8_t> view() const { return bytes_; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::uint8_t> bytes_;
};

struct EncodedFrame {
  /// One access unit, Annex B, without parameter sets and access unit delimiter. AV1: one temporal
  /// unit, OBUs with size fields, without temporal delimiter.
  SharedBytes data;
  /// With EncoderSettings::sub_frame an access unit may come in parts, whole slices each, one after
  /// the other with the same pts, key and times (but kEncoded): `part` counts from 0, the last one
  /// ends the access unit.
  unsigned part = 0;
  bool last = true;
  bool key = false;  // IDR: decoding may start here
  /// Refers to nothing from EncodeRequest::lost_from on up to itself: a receiver that has all
  /// before those shows right pictures from here on. True for key frames.
  bool repaired = false;
  Timestamp pts;     // capture time; strictly increasing (no B-frames)
  FrameTimes times;  // up to kEncoded
  std::shared_ptr<const StreamParameters> stream;
};

}  // namespace lumen
