// A VideoEncoder over one libavcodec encoder.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "encode/ffmpeg/frame_feed.h"
#include "encode/video_encoder.h"

struct AVCodecContext;
struct AVFrame;
struct AVPacket;

namespace lumen::ffmpeg {

/// What a backend decides about its libavcodec encoder.
struct LibavSpec {
  /// Whether the codec is given a bit rate, and with it as the peak: kNone for constant quality.
  enum class Rate : std::uint8_t { kNone, kMean, kMeanAndPeak };

  std::string codec_name;  // "libsvtav1"
  std::unique_ptr<FrameFeed> feed;
  /// The codec takes a new AVCodecContext::bit_rate while it runs; with a key frame.
  bool change_bitrate = false;
  Rate rate = Rate::kMeanAndPeak;
  /// Pictures that the codec keeps inside while it waits for more; for others that it works on,
  /// with threads of its own, encode() waits up to the nominal distance of two.
  std::optional<unsigned> kept_back;
  double vbv_seconds = 0;      // buffer of the rate control; 0: codec's own
  int infinite_gop = 1 << 20;  // key frames come on request only
  std::vector<std::pair<std::string, std::string>> options;  // private options
  std::string open_hint;  // what to do where the codec does not open; may be empty
};

/// kUnsupported where this libavcodec was built without the encoder.
Result<void> check_codec(const std::string& codec_name);

class LibavEncoder final : public VideoEncoder {
 public:
  static Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                                      LibavSpec spec,
                                                      EncodedFrameCallback callback);
  ~LibavEncoder() override;

  [[nodiscard]] EncoderInput input() const override { return feed_->input(); }
  [[nodiscard]] EncoderCapabilities capabilities() const override {
    return {.change_bitrate = change_bitrate_};
  }
  [[nodiscard]] std::shared_ptr<const StreamParameters> stream() const override { return stream_; }
  Result<void> encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) override;
  Result<void> reconfigure(const EncoderChange& change) override;
  Result<void> flush() override;

 private:
  LibavEncoder() = default;
  Result<void> open(const EncoderSettings& settings, const LibavSpec& spec);
  Result<void> drain();
  Result<bool> take();  // false: nothing there

  struct ContextDeleter {
    void operator()(AVCodecContext* context) const;
  };
  struct FrameDeleter {
    void operator()(AVFrame* frame) const;
  };
  struct PacketDeleter {
    void operator()(AVPacket* packet) const;
  };
  struct InFlight {
    std::int64_t pts_us;
    Timestamp pts;
    FrameTimes times;
  };

  std::unique_ptr<FrameFeed> feed_;  // outlives what libavcodec holds of it
  bool change_bitrate_ = false;
  double vbv_seconds_ = 0;
  std::optional<unsigned> kept_back_;
  std::shared_ptr<const StreamParameters> stream_;
  EncodedFrameCallback callback_;
  std::unique_ptr<AVCodecContext, ContextDeleter> context_;
  std::unique_ptr<AVFrame, FrameDeleter> frame_;
  std::unique_ptr<AVPacket, PacketDeleter> packet_;
  std::deque<InFlight> in_flight_;  // coding order is display order: no B-frames
  Timestamp first_pts_ = kNoTimestamp;
  std::int64_t last_pts_us_ = -1;
};

}  // namespace lumen::ffmpeg
