#include <algorithm>
#include <variant>
#include <vector>

#include "encode/ffmpeg/frame_feed.h"
#include "encode/ffmpeg/libav_log.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cuda/uploader.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
}

// After ffnvcodec's header, which defines CUDA_VERSION: else this one includes CUDA's own <cuda.h>.
extern "C" {
#include <libavutil/hwcontext_cuda.h>
}

namespace lumen::ffmpeg {
namespace {

struct BufferDeleter {
  void operator()(AVBufferRef* buffer) const { av_buffer_unref(&buffer); }
};
using BufferRef = std::unique_ptr<AVBufferRef, BufferDeleter>;

// Lets libavcodec hold the pooled buffer. The address is that of GPU memory: nothing here reads it.
AVBufferRef* share(const CudaBuffer& buffer) {
  auto* owner = new std::shared_ptr<void>(buffer.memory);
  AVBufferRef* shared = av_buffer_create(
      reinterpret_cast<std::uint8_t*>(buffer.planes[0]), 1,
      [](void* opaque, std::uint8_t*) { delete static_cast<std::shared_ptr<void>*>(opaque); },
      owner, AV_BUFFER_FLAG_READONLY);
  if (shared == nullptr) delete owner;
  return shared;
}

// FFmpeg's NVENC has ten bits in the high end of words that it calls 16 bits wide.
AVPixelFormat pixel_format(Fourcc format) {
  switch (format) {
    case Fourcc::kI444: return AV_PIX_FMT_YUV444P;
    case Fourcc::kP010: return AV_PIX_FMT_P010;
    case Fourcc::kQ410: return AV_PIX_FMT_YUV444P16;
    default: return AV_PIX_FMT_NV12;
  }
}

class CudaFeed final : public FrameFeed {
 public:
  CudaFeed(std::shared_ptr<const cuda::Context> context, Fourcc format)
      : context_(std::move(context)), format_(format), uploader_(context_) {}

  [[nodiscard]] EncoderInput input() const override {
    return {format_, FrameMemory::kCuda, false, format_};
  }
  Result<void> prepare(AVCodecContext& context) override;
  Result<void> fill(AVFrame& target, const Frame& frame) override;

 private:
  Result<CudaBuffer> bring(const Frame& frame);

  std::shared_ptr<const cuda::Context> context_;
  Fourcc format_;
  cuda::Uploader uploader_;
  BufferRef frames_;
  // FFmpeg's NVENC remembers registrations by address and never forgets them before it is closed:
  // what it has seen stays allocated until then.
  std::vector<std::shared_ptr<void>> seen_;
};

// FFmpeg hands AVCUDADeviceContext::stream to nvEncSetIOCudaStreams: NVENC waits for what is queued
// there, and no CPU does.
Result<void> CudaFeed::prepare(AVCodecContext& context) {
  BufferRef device(av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_CUDA));
  if (!device) return fail(ErrorKind::kUnsupported, "this FFmpeg was built without CUDA");
  auto* const base = reinterpret_cast<AVHWDeviceContext*>(device->data);
  auto* const cuda = static_cast<AVCUDADeviceContext*>(base->hwctx);
  cuda->cuda_ctx = context_->handle();
  cuda->stream = context_->stream();
  if (const int result = av_hwdevice_ctx_init(device.get()); result < 0) {
    return fail(ErrorKind::kUnsupported,
                "FFmpeg does not take the CUDA context: " + describe_libav_error(result));
  }
  frames_.reset(av_hwframe_ctx_alloc(device.get()));
  if (!frames_) return fail(ErrorKind::kIo, "out of memory");
  auto* const frames = reinterpret_cast<AVHWFramesContext*>(frames_->data);
  frames->format = AV_PIX_FMT_CUDA;
  frames->sw_format = pixel_format(format_);
  frames->width = context.width;
  frames->height = context.height;
  if (const int result = av_hwframe_ctx_init(frames_.get()); result < 0) {
    return fail(ErrorKind::kUnsupported,
                "FFmpeg makes no CUDA frames: " + describe_libav_error(result));
  }
  context.pix_fmt = AV_PIX_FMT_CUDA;
  context.sw_pix_fmt = pixel_format(format_);
  context.hw_frames_ctx = av_buffer_ref(frames_.get());
  return context.hw_frames_ctx != nullptr ? Result<void>{} : fail(ErrorKind::kIo, "out of memory");
}

Result<CudaBuffer> CudaFeed::bring(const Frame& frame) {
  if (const auto* image = std::get_if<CpuImage>(&frame.payload)) {
    auto current = context_->make_current();
    if (!current) return tl::unexpected(std::move(current.error()));
    return uploader_.upload(*image, frame.size);
  }
  const auto* buffer = std::get_if<CudaBuffer>(&frame.payload);
  if (buffer == nullptr) return fail(ErrorKind::kInvalidArgument, "FFmpeg takes no CUDA arrays");
  if (buffer->context != context_) {
    return fail(ErrorKind::kDeviceLost, "the GPU was opened again");
  }
  return *buffer;
}

Result<void> CudaFeed::fill(AVFrame& target, const Frame& frame) {
  auto buffer = bring(frame);
  if (!buffer) return tl::unexpected(std::move(buffer.error()));
  if (buffer->format != format_) {
    return fail(ErrorKind::kInvalidArgument, "wants " + to_string(format_));
  }
  if (std::ranges::find(seen_, buffer->allocation) == seen_.end()) {
    seen_.push_back(buffer->allocation);
  }
  target.buf[0] = share(*buffer);
  target.hw_frames_ctx = av_buffer_ref(frames_.get());
  if (target.buf[0] == nullptr || target.hw_frames_ctx == nullptr) {
    return fail(ErrorKind::kIo, "out of memory");
  }
  target.format = AV_PIX_FMT_CUDA;
  for (std::size_t i = 0; i < plane_count(format_); ++i) {
    target.data[i] = reinterpret_cast<std::uint8_t*>(buffer->planes[i]);
    target.linesize[i] = static_cast<int>(buffer->pitches[i].bytes);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<FrameFeed>> create_cuda_feed(std::shared_ptr<const cuda::Context> context,
                                                    Fourcc format) {
  return std::make_unique<CudaFeed>(std::move(context), format);
}

}  // namespace lumen::ffmpeg
