// FFmpeg's own NVENC encoders, unmodified, on the stand-in: from system memory and from CUDA frames
// of a pool of the test's.
#include <memory>
#include <sstream>
#include <string>
#include <tuple>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/opt.h>
}

#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

/// AVCUDADeviceContext of libavutil/hwcontext_cuda.h, which wants NVIDIA's cuda.h.
struct CudaDevice {
  CUcontext context;
  CUstream stream;
  void* internal;
};

constexpr int kWidth = 320;
constexpr int kHeight = 192;
constexpr int kFrames = 30;

struct FreeContext {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeBuffer {
  void operator()(AVBufferRef* buffer) const { av_buffer_unref(&buffer); }
};
using Context = std::unique_ptr<AVCodecContext, FreeContext>;
using Frame = std::unique_ptr<AVFrame, FreeFrame>;
using Buffer = std::unique_ptr<AVBufferRef, FreeBuffer>;

class Ffmpeg : public SimNvenc {
 protected:
  void SetUp() override {
    SimNvenc::SetUp();
    av_log_set_level(AV_LOG_QUIET);
  }

  static Context make_encoder(const char* name, AVPixelFormat format) {
    const AVCodec* codec = avcodec_find_encoder_by_name(name);
    if (codec == nullptr) return nullptr;
    Context encoder(avcodec_alloc_context3(codec));
    encoder->width = kWidth;
    encoder->height = kHeight;
    encoder->pix_fmt = format;
    encoder->time_base = {1, 60};
    encoder->framerate = {60, 1};
    encoder->bit_rate = 4'000'000;
    encoder->gop_size = 1000;
    encoder->max_b_frames = 0;
    encoder->color_range = AVCOL_RANGE_MPEG;
    encoder->color_primaries = AVCOL_PRI_BT709;
    encoder->color_trc = AVCOL_TRC_BT709;
    encoder->colorspace = AVCOL_SPC_BT709;
    av_opt_set(encoder->priv_data, "preset", "p1", 0);
    av_opt_set(encoder->priv_data, "tune", "ull", 0);
    av_opt_set(encoder->priv_data, "rc", "cbr", 0);
    av_opt_set_int(encoder->priv_data, "delay", 0, 0);
    av_opt_set_int(encoder->priv_data, "forced-idr", 1, 0);
    return encoder;
  }

  /// The device made of this test's context, so that the stand-in is asked under one context only.
  Buffer make_device(CUstream stream) {
    Buffer device(av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_CUDA));
    auto* const hardware = reinterpret_cast<AVHWDeviceContext*>(device->data);
    auto* const own = static_cast<CudaDevice*>(hardware->hwctx);
    own->context = context;
    own->stream = stream;
    EXPECT_EQ(av_hwdevice_ctx_init(device.get()), 0);
    return device;
  }
  static Buffer make_pool(const Buffer& device, AVPixelFormat format, int size) {
    Buffer pool(av_hwframe_ctx_alloc(device.get()));
    auto* const frames = reinterpret_cast<AVHWFramesContext*>(pool->data);
    frames->format = AV_PIX_FMT_CUDA;
    frames->sw_format = format;
    frames->width = kWidth;
    frames->height = kHeight;
    frames->initial_pool_size = size;
    EXPECT_EQ(av_hwframe_ctx_init(pool.get()), 0);
    return pool;
  }

  static Frame system_frame(AVPixelFormat format, int number) {
    Frame frame(av_frame_alloc());
    frame->format = format;
    frame->width = kWidth;
    frame->height = kHeight;
    frame->pts = number;
    EXPECT_EQ(av_frame_get_buffer(frame.get(), 0), 0);
    const auto nvenc_format = format == AV_PIX_FMT_NV12      ? NV_ENC_BUFFER_FORMAT_NV12
                              : format == AV_PIX_FMT_YUV420P ? NV_ENC_BUFFER_FORMAT_IYUV
                                                             : NV_ENC_BUFFER_FORMAT_ARGB;
    const Bytes from = pixels(nvenc_format, kWidth, kHeight, number);
    std::size_t at = 0;
    for (int plane = 0; plane < 3 && frame->data[plane] != nullptr; ++plane) {
      const bool planar_chroma = format == AV_PIX_FMT_YUV420P && plane > 0;
      const std::size_t row = format == AV_PIX_FMT_BGR0 ? kWidth * 4
                              : planar_chroma           ? kWidth / 2
                                                        : kWidth;
      for (int y = 0; y < (plane == 0 ? kHeight : kHeight / 2); ++y) {
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(at), row,
                    frame->data[plane] + y * frame->linesize[plane]);
        at += row;
      }
    }
    return frame;
  }

  /// Collects what comes out and compares it with the scenes in their order.
  class Output {
   public:
    explicit Output(const char* decoder) : decoder_(decoder) {}
    void drain(AVCodecContext& encoder) {
      const std::unique_ptr<AVPacket, FreePacket> packet(av_packet_alloc());
      while (avcodec_receive_packet(&encoder, packet.get()) == 0) {
        ++packets;
        keys += (packet->flags & AV_PKT_FLAG_KEY) != 0 ? 1 : 0;
        bytes += packet->size;
        compare(decoder_.decode({packet->data, static_cast<std::size_t>(packet->size)}));
        av_packet_unref(packet.get());
      }
    }
    void finish(AVCodecContext& encoder) {
      EXPECT_EQ(avcodec_send_frame(&encoder, nullptr), 0);
      drain(encoder);
      compare(decoder_.finish());
    }
    int packets = 0;
    int keys = 0;
    int pictures = 0;
    int bytes = 0;
    double worst = 99;

   private:
    void compare(const std::vector<Yuv>& decoded) {
      // FFmpeg 7.1 has NVENC convert RGB by BT.601 and says so in the stream, whatever it was told.
      const bool bt601 = decoder_.last().colorspace == AVCOL_SPC_BT470BG;
      for (const Yuv& yuv : decoded) {
        worst = std::min(worst,
                         psnr(yuv, expected(kWidth, kHeight, pictures++, bt601 ? kBt601 : kBt709)));
      }
    }
    Decoder decoder_;
  };
};

using SystemCase = std::tuple<const char*, AVPixelFormat>;
class FfmpegSystemMemory : public Ffmpeg, public ::testing::WithParamInterface<SystemCase> {};

TEST_P(FfmpegSystemMemory, AllPicturesCome) {
  const auto& [name, format] = GetParam();
  Context encoder = make_encoder(name, format);
  ASSERT_NE(encoder, nullptr);
  ASSERT_EQ(avcodec_open2(encoder.get(), encoder->codec, nullptr), 0);
  Output output(std::string_view(name) == "h264_nvenc" ? "h264" : "hevc");
  for (int i = 0; i < kFrames; ++i) {
    const Frame frame = system_frame(format, i);
    if (i == 10) frame->pict_type = AV_PICTURE_TYPE_I;
    ASSERT_EQ(avcodec_send_frame(encoder.get(), frame.get()), 0);
    output.drain(*encoder);
  }
  output.finish(*encoder);
  EXPECT_EQ(output.packets, kFrames);
  EXPECT_EQ(output.pictures, kFrames);
  EXPECT_EQ(output.keys, 2);
  EXPECT_GE(output.worst, 35);
}

INSTANTIATE_TEST_SUITE_P(, FfmpegSystemMemory,
                         ::testing::Combine(::testing::Values("h264_nvenc", "hevc_nvenc"),
                                            ::testing::Values(AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P,
                                                              AV_PIX_FMT_BGR0)));

class FfmpegCuda : public Ffmpeg, public ::testing::WithParamInterface<SystemCase> {};

TEST_P(FfmpegCuda, AllPicturesCome) {
  const auto& [name, format] = GetParam();
  for (const int pool_size : {6, 80}) {  // FFmpeg keeps 64 registrations
    const CUstream stream = make_stream();
    {
      const Buffer device = make_device(stream);
      const Buffer pool = make_pool(device, format, pool_size);
      Context encoder = make_encoder(name, AV_PIX_FMT_CUDA);
      ASSERT_NE(encoder, nullptr);
      encoder->hw_frames_ctx = av_buffer_ref(pool.get());
      ASSERT_EQ(avcodec_open2(encoder.get(), encoder->codec, nullptr), 0);
      Output output(std::string_view(name) == "h264_nvenc" ? "h264" : "hevc");
      std::vector<Frame> kept;  // so that the pool gives out every buffer
      const int frames = pool_size == 6 ? kFrames : 2 * pool_size;
      for (int i = 0; i < frames; ++i) {
        const Frame from = system_frame(format, i);
        Frame frame(av_frame_alloc());
        ASSERT_EQ(av_hwframe_get_buffer(pool.get(), frame.get(), 0), 0);
        ASSERT_EQ(av_hwframe_transfer_data(frame.get(), from.get(), 0), 0);
        frame->pts = i;
        ASSERT_EQ(avcodec_send_frame(encoder.get(), frame.get()), 0);
        output.drain(*encoder);
        if (pool_size > 64) {
          if (kept.size() > 70) kept.erase(kept.begin());
          kept.push_back(std::move(frame));
        }
      }
      output.finish(*encoder);
      EXPECT_EQ(output.packets, frames);
      EXPECT_EQ(output.pictures, frames);
      EXPECT_GE(output.worst, 35);
    }
    EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
  }
}

INSTANTIATE_TEST_SUITE_P(, FfmpegCuda,
                         ::testing::Combine(::testing::Values("h264_nvenc", "hevc_nvenc"),
                                            ::testing::Values(AV_PIX_FMT_NV12, AV_PIX_FMT_BGR0)));

TEST_F(Ffmpeg, AChangeOfTheBitRateReconfigures) {
  Context encoder = make_encoder("h264_nvenc", AV_PIX_FMT_NV12);
  ASSERT_EQ(avcodec_open2(encoder.get(), encoder->codec, nullptr), 0);
  Output output("h264");
  int first_half = 0;
  for (int i = 0; i < 60; ++i) {
    if (i == 30) {
      first_half = output.bytes;
      encoder->bit_rate = 400'000;
      encoder->rc_buffer_size = 20'000;
    }
    ASSERT_EQ(avcodec_send_frame(encoder.get(), system_frame(AV_PIX_FMT_NV12, i).get()), 0);
    output.drain(*encoder);
  }
  EXPECT_EQ(nvenc.calls("nvEncReconfigureEncoder"), 1U);
  EXPECT_LT(output.bytes - first_half, first_half / 2);
}

TEST_F(Ffmpeg, GlobalHeadersFit) {
  for (const char* name : {"h264_nvenc", "hevc_nvenc"}) {
    Context encoder = make_encoder(name, AV_PIX_FMT_NV12);
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    ASSERT_EQ(avcodec_open2(encoder.get(), encoder->codec, nullptr), 0);
    EXPECT_GT(encoder->extradata_size, 10);
  }
}

// Whatever call fails at opening or while encoding, FFmpeg leaves nothing behind and does nothing
// wrong by the stand-in's rules.
TEST_F(Ffmpeg, SurvivesEveryFailure) {
  const auto run = [&] {
    Context encoder = make_encoder("h264_nvenc", AV_PIX_FMT_NV12);
    if (avcodec_open2(encoder.get(), encoder->codec, nullptr) < 0) return;
    Output output("h264");
    for (int i = 0; i < 3; ++i) {
      if (avcodec_send_frame(encoder.get(), system_frame(AV_PIX_FMT_NV12, i).get()) < 0) return;
      output.drain(*encoder);
    }
    avcodec_send_frame(encoder.get(), nullptr);
    output.drain(*encoder);
  };
  nvenc.reset();
  run();
  const std::uint64_t calls = nvenc.calls("*");
  ASSERT_GT(calls, 40U);
  for (std::uint64_t n = 1; n <= calls; ++n) {
    nvenc.reset();
    ASSERT_EQ(nvenc.set_fail(("*@" + std::to_string(n) + "=20").c_str()), 1);
    run();
    // FFmpeg 5.1's own: it destroys an input buffer, the bitstream buffer of which could not be
    // made, now and at closing; and after a failed lock it ends the stream once more.
    std::istringstream lines(nvenc.violations());
    for (std::string line; std::getline(lines, line);) {
      if (line == "nvEncDestroyInputBuffer: input buffer that is gone") continue;
      if (line == "nvEncEncodePicture: a third end of stream in a row") continue;
      ADD_FAILURE() << line << ", call " << n;
    }
    nvenc.reset();
    EXPECT_STREQ(nvenc.live_names(), "") << "call " << n;
  }
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
