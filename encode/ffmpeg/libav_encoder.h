// A VideoEncoder over one libavcodec encoder that takes pictures from host memory.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "encode/video_encoder.h"

struct AVCodecContext;
struct AVFrame;
struct AVPacket;

namespace lumen::ffmpeg {

/// What a backend decides about its libavcodec encoder.
struct LibavSpec {
  std::string codec_name;        // "libx264"
  Fourcc input = Fourcc::kNV12;  // kNV12 or kI420
  double vbv_seconds = 0;        // buffer of the rate control; 0: codec's own
  int infinite_gop = 1 << 20;    // key frames come on request only
  std::vector<std::pair<std::string, std::string>> options;  // private options
};

/// kUnsupported where this libavcodec was built without the encoder.
Result<void> check_codec(const std::string& codec_name);

class LibavEncoder final : public VideoEncoder {
 public:
  static Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                                      const LibavSpec& spec,
                                                      EncodedFrameCallback callback);
  ~LibavEncoder() override;

  [[nodiscard]] EncoderInput input() const override { return {input_, FrameMemory::kHost}; }
  [[nodiscard]] EncoderCapabilities capabilities() const override { return {}; }
  [[nodiscard]] std::shared_ptr<const StreamParameters> stream() const override { return stream_; }
  Result<void> encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) override;
  Result<void> reconfigure(const EncoderChange& change) override;
  Result<void> flush() override;

 private:
  LibavEncoder() = default;
  Result<void> open(const EncoderSettings& settings, const LibavSpec& spec);
  Result<void> drain();

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

  Fourcc input_ = Fourcc::kNV12;
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
