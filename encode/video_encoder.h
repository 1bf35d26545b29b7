// A video encoder: libx264, libx265, NVENC through FFmpeg, later the native NVENC SDK.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/error.h"
#include "encode/encoded_frame.h"
#include "zerocopy/frame.h"

namespace lumen {

enum class Profile : std::uint8_t { kAuto, kBaseline, kMain, kHigh };

struct EncoderSettings {
  Codec codec = Codec::kH264;
  Extent size;            // both sides even
  FrameRate rate{60, 1};  // nominal and upper bound
  std::uint64_t bitrate_bps = 20'000'000;
  Profile profile = Profile::kAuto;
  std::string level;   // "4.1"; empty: what size, rate and bit rate need
  std::string preset;  // software speed preset; empty: the backend's default
  ColorDescription color;
};

struct EncodeRequest {
  bool key_frame = false;  // this picture must be an IDR
};

/// Receives access units in coding order; may be called on the thread that calls encode() or on a
/// thread of the encoder's own, never on two at once.
using EncodedFrameCallback = std::function<void(EncodedFrame)>;

class VideoEncoder {
 public:
  virtual ~VideoEncoder() = default;

  /// The pixel format encode() takes.
  [[nodiscard]] virtual Fourcc input_format() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const StreamParameters> stream() const = 0;

  /// Marks kSubmitted and kEncoded. pts is the frame's kProduced and must grow. One thread.
  /// Errors: kDeviceLost or kIo, this instance is done: open another.
  virtual Result<void> encode(const Frame& frame, Timestamp pts, EncodeRequest request) = 0;

  /// Hands out what is still inside. Nothing may be encoded afterwards.
  virtual Result<void> flush() = 0;
};

}  // namespace lumen
