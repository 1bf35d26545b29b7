// H.264 by libx264: one picture in, one access unit out, on the thread that calls.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "encode/reference_history.h"
#include "encode/software/damage_map.h"
#include "encode/software/planes.h"
#include "encode/software/rate_trim.h"
#include "encode/software/x264_settings.h"
#include "encode/video_encoder.h"

namespace lumen::software {

/// Where Frame::damage tells what is unchanged, libx264 is told so and passes over it.
class X264Encoder final : public VideoEncoder {
 public:
  /// Errors: kUnsupported, kInvalidArgument as x264_setup().
  static Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                                      EncodedFrameCallback callback);

  [[nodiscard]] EncoderInput input() const override { return {setup_.format, FrameMemory::kHost}; }
  [[nodiscard]] EncoderCapabilities capabilities() const override;
  [[nodiscard]] std::shared_ptr<const StreamParameters> stream() const override { return stream_; }
  Result<void> encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) override;
  Result<void> reconfigure(const EncoderChange& change) override;
  Result<void> flush() override { return {}; }

 private:
  struct Close {
    void operator()(x264_t* encoder) const { x264_encoder_close(encoder); }
  };

  X264Encoder(const EncoderSettings& settings, EncodedFrameCallback callback)
      : settings_(settings), callback_(std::move(callback)) {}
  Result<void> open(const EncoderSettings& settings);
  Result<void> describe(x264_t& encoder, const EncoderSettings& settings);
  Result<void> change_rate(const EncoderSettings& wanted);
  Result<void> set_factor(const EncoderSettings& settings, double factor);
  Result<void> trim_rate(double bits);
  /// How the picture is to be coded; whether it repairs what was lost.
  bool apply(const EncodeRequest& request, x264_picture_t& picture);
  void mark_unchanged(const Frame& frame, x264_picture_t& picture);
  [[nodiscard]] std::int64_t microseconds(Timestamp pts);
  void hand_out(EncodedFrame encoded, std::span<const x264_nal_t> nals);

  EncoderSettings settings_;
  EncodedFrameCallback callback_;
  std::string last_error_;  // of libx264's log
  X264Setup setup_;
  std::unique_ptr<x264_t, Close> encoder_;
  std::shared_ptr<const StreamParameters> stream_;
  std::optional<DamageMap> damage_;
  std::optional<ReferenceHistory> history_;  // with invalidation
  std::optional<RateTrim> trim_;             // with a bit rate
  double factor_ = 1;                        // that libx264 has
  WordShifter shifter_;
  bool new_sequence_ = true;     // the next picture is an IDR whatever is asked
  bool damage_applies_ = false;  // the frame given before this one was coded
  unsigned wave_left_ = 0;       // pictures of the intra-refresh wave under way
  Timestamp first_pts_ = kNoTimestamp;
  std::int64_t last_pts_us_ = -1;
};

}  // namespace lumen::software
