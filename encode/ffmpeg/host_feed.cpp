#include <new>
#include <variant>

#include "encode/ffmpeg/frame_feed.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>
}

namespace lumen::ffmpeg {
namespace {

// Lets libavcodec hold the pooled picture: no copy.
AVBufferRef* share(const CpuImage& image) {
  auto* owner = new std::shared_ptr<std::uint8_t>(image.memory);
  // libavcodec only passes the size on; planes are addressed through data[] and linesize[].
  AVBufferRef* buffer = av_buffer_create(
      owner->get(), 1,
      [](void* opaque, std::uint8_t*) {
        delete static_cast<std::shared_ptr<std::uint8_t>*>(opaque);
      },
      owner, AV_BUFFER_FLAG_READONLY);
  if (buffer == nullptr) delete owner;
  return buffer;
}

class HostFeed final : public FrameFeed {
 public:
  explicit HostFeed(Fourcc format) : format_(format) {}

  [[nodiscard]] EncoderInput input() const override { return {format_, FrameMemory::kHost}; }

  Result<void> prepare(AVCodecContext& context) override {
    context.pix_fmt = format_ == Fourcc::kNV12 ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
    return {};
  }

  Result<void> fill(AVFrame& target, const Frame& frame) override {
    const auto* const image = std::get_if<CpuImage>(&frame.payload);
    if (image == nullptr || image->format != format_) {
      return fail(ErrorKind::kInvalidArgument, "wants " + to_string(format_) + " in host memory");
    }
    target.buf[0] = share(*image);
    if (target.buf[0] == nullptr) return fail(ErrorKind::kIo, "out of memory");
    target.format = format_ == Fourcc::kNV12 ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
    for (std::size_t i = 0; i < image->planes.size(); ++i) {
      target.data[i] = image->planes[i];
      target.linesize[i] = static_cast<int>(image->pitches[i].bytes);
    }
    return {};
  }

 private:
  Fourcc format_;
};

}  // namespace

std::unique_ptr<FrameFeed> make_host_feed(Fourcc format) {
  return std::make_unique<HostFeed>(format);
}

}  // namespace lumen::ffmpeg
