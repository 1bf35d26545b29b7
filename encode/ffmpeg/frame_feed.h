// How a Frame becomes an AVFrame: host memory as it stands, or CUDA memory on our own context and
// stream.
#pragma once

#include <memory>

#include "core/error.h"
#include "encode/video_encoder.h"

struct AVCodecContext;
struct AVFrame;

namespace lumen::cuda {
class Context;
}

namespace lumen::ffmpeg {

/// One thread.
class FrameFeed {
 public:
  virtual ~FrameFeed() = default;
  [[nodiscard]] virtual EncoderInput input() const = 0;
  /// Sets pixel format and hardware contexts; size is set already. Before avcodec_open2().
  virtual Result<void> prepare(AVCodecContext& context) = 0;
  /// Sets buffer, planes and pixel format; libavcodec may hold them for as long as it likes.
  /// Errors: kInvalidArgument, not what input() says; kRetry; kDeviceLost, kIo.
  virtual Result<void> fill(AVFrame& target, const Frame& frame) = 0;
};

/// kNV12 or kI420 in host memory.
std::unique_ptr<FrameFeed> make_host_feed(Fourcc format);

/// kNV12, kI444, kP010 or kQ410 in CUDA memory of `context`; frames in host memory are copied over
/// first.
Result<std::unique_ptr<FrameFeed>> create_cuda_feed(std::shared_ptr<const cuda::Context> context,
                                                    Fourcc format);

}  // namespace lumen::ffmpeg
