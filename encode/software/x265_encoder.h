// HEVC by libx265: one picture in, one access unit out, on the thread that calls.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "encode/software/planes.h"
#include "encode/software/quantizer_model.h"
#include "encode/software/x265_settings.h"
#include "encode/video_encoder.h"

namespace lumen::software {

/// libx265 takes a new bit rate while it runs (x265_encoder_reconfig) and goes on with the old one,
/// seen with 3.5. So quantizers are chosen here from then on until the next key frame, with which a
/// new instance begins that was opened for that rate.
///
/// Every repair is a key frame. libx265 has waves of intra blocks, but lets vectors of what was
/// refreshed reach over the edge into what was not: with 3.5 a moving picture never got whole.
class X265Encoder final : public VideoEncoder {
 public:
  /// Errors: kUnsupported, kInvalidArgument as x265_setup().
  static Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                                      EncodedFrameCallback callback);

  [[nodiscard]] EncoderInput input() const override { return {setup_.format, FrameMemory::kHost}; }
  [[nodiscard]] EncoderCapabilities capabilities() const override;
  [[nodiscard]] std::shared_ptr<const StreamParameters> stream() const override { return stream_; }
  Result<void> encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) override;
  Result<void> reconfigure(const EncoderChange& change) override;
  Result<void> flush() override { return {}; }

 private:
  X265Encoder(const EncoderSettings& settings, EncodedFrameCallback callback)
      : settings_(settings), callback_(std::move(callback)) {}
  Result<void> open(const EncoderSettings& settings);
  Result<void> describe(const X265Setup& setup, x265_encoder& encoder,
                        const EncoderSettings& settings);
  Result<void> set_planes(const Frame& frame, x265_picture& picture);
  void hand_out(EncodedFrame encoded, std::span<const x265_nal> nals);

  EncoderSettings settings_;
  EncodedFrameCallback callback_;
  X265Setup setup_;
  std::unique_ptr<x265_encoder, CloseX265> encoder_;
  std::shared_ptr<const StreamParameters> stream_;
  std::optional<QuantizerModel> model_;  // while the rate is not that of the opening
  ChromaSplitter splitter_;
  bool new_sequence_ = true;    // the next picture is an IDR whatever is asked
  double last_quantizer_ = 30;  // of the latest picture, on average
  std::int64_t next_number_ = 0;
};

}  // namespace lumen::software
