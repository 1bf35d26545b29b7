// AV1 by SVT-AV1 through libavcodec.
#pragma once

#include <memory>

#include "encode/video_encoder.h"

namespace lumen::software {

Result<void> check_av1();

/// In its low-delay mode SVT-AV1 (1.4) makes a key frame of its first picture and of no other,
/// keeps two pictures back, and keeps to a bit rate within a tenth. So each key frame, new bit rate
/// and new size begins a new instance, after what the old one still had.
class Av1Encoder final : public VideoEncoder {
 public:
  /// Errors: kUnsupported, kInvalidArgument (the level).
  static Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                                      EncodedFrameCallback callback);

  [[nodiscard]] EncoderInput input() const override { return {Fourcc::kI420, FrameMemory::kHost}; }
  [[nodiscard]] EncoderCapabilities capabilities() const override {
    return {.change_bitrate = !settings_.constant_qp, .change_size = true};
  }
  [[nodiscard]] std::shared_ptr<const StreamParameters> stream() const override { return stream_; }
  Result<void> encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) override;
  Result<void> reconfigure(const EncoderChange& change) override;
  Result<void> flush() override { return inner_ ? inner_->flush() : Result<void>{}; }

 private:
  Av1Encoder(const EncoderSettings& settings, EncodedFrameCallback callback)
      : settings_(settings), callback_(std::move(callback)) {}
  Result<void> open(const EncoderSettings& settings);
  Result<std::unique_ptr<VideoEncoder>> instance();
  Result<void> close_instance();

  EncoderSettings settings_;
  EncodedFrameCallback callback_;
  std::shared_ptr<const StreamParameters> stream_;
  // Made for its first picture: SVT-AV1 1.4 hangs when it is closed without having had one.
  std::unique_ptr<VideoEncoder> inner_;
};

}  // namespace lumen::software
