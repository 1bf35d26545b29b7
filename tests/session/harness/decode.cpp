#include "harness/decode.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace lumen::session {
namespace {

using Clock = std::chrono::steady_clock;

struct InputDeleter {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
struct CodecDeleter {
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
struct FrameDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct PacketDeleter {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
using Input = std::unique_ptr<AVFormatContext, InputDeleter>;
using Codec = std::unique_ptr<AVCodecContext, CodecDeleter>;
using Frame = std::unique_ptr<AVFrame, FrameDeleter>;
using Packet = std::unique_ptr<AVPacket, PacketDeleter>;

tl::unexpected<Error> av_fail(const std::string& what, int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  Error error{.kind = ErrorKind::kIo,
              .message = what + ": " + text.data(),
              .hint = {},
              .domain = "ffmpeg",
              .code = code};
  return tl::unexpected(std::move(error));
}

/// A plane of ten bits in 16-bit words.
std::vector<std::uint16_t> copy_words(const AVFrame& frame, std::size_t plane, Extent size) {
  std::vector<std::uint16_t> result(std::size_t{size.width} * size.height);
  for (std::size_t y = 0; y < size.height; ++y) {
    const auto* row = frame.data[plane] + static_cast<std::ptrdiff_t>(y) * frame.linesize[plane];
    std::memcpy(result.data() + y * size.width, row, std::size_t{size.width} * 2);
  }
  return result;
}

std::vector<std::uint8_t> upper_bits(const std::vector<std::uint16_t>& words) {
  std::vector<std::uint8_t> result(words.size());
  std::ranges::transform(words, result.begin(),
                         [](std::uint16_t word) { return static_cast<std::uint8_t>(word >> 2); });
  return result;
}

std::vector<std::uint8_t> copy_plane(const AVFrame& frame, std::size_t plane, Extent size) {
  std::vector<std::uint8_t> result(std::size_t{size.width} * size.height);
  for (std::size_t y = 0; y < size.height; ++y) {
    const auto* row = frame.data[plane] + static_cast<std::ptrdiff_t>(y) * frame.linesize[plane];
    std::memcpy(result.data() + y * size.width, row, size.width);
  }
  return result;
}

bool is_key(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_KEY) != 0;
#else
  return frame.key_frame != 0;
#endif
}

/// One decoding run: demuxer, decoder and where the frames go.
class Decoding {
 public:
  Decoding(const std::function<void(DecodedFrame&&)>& on_frame, const DecodeSettings& settings)
      : on_frame_(on_frame), settings_(settings) {}

  Result<DecodedVideo> run(const std::string& location);

 private:
  Result<void> open(const std::string& location);
  Result<void> receive();
  Result<void> hand_out();
  bool wants_more() const { return video_.frames < settings_.max_frames; }

  const std::function<void(DecodedFrame&&)>& on_frame_;
  DecodeSettings settings_;
  Clock::time_point give_up_;
  Input input_;
  Codec codec_;
  Frame frame_{av_frame_alloc()};
  int track_ = -1;
  DecodedVideo video_;
};

Result<void> Decoding::open(const std::string& location) {
  give_up_ = Clock::now() + settings_.idle_timeout;
  AVFormatContext* raw = avformat_alloc_context();
  raw->interrupt_callback.callback = [](void* self) -> int {
    return Clock::now() >= static_cast<Decoding*>(self)->give_up_ ? 1 : 0;
  };
  raw->interrupt_callback.opaque = this;
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", "file,udp,rtp,crypto,data,pipe", 0);
  const int opened = avformat_open_input(&raw, location.c_str(), nullptr, &options);
  av_dict_free(&options);
  if (opened < 0) return av_fail("open " + location, opened);  // raw is freed by the call
  input_.reset(raw);
  if (const int code = avformat_find_stream_info(raw, nullptr); code < 0) {
    return av_fail("look into " + location, code);
  }
  const AVCodec* decoder = nullptr;
  track_ = av_find_best_stream(raw, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  if (track_ < 0) return av_fail("no video in " + location, track_);
  codec_.reset(avcodec_alloc_context3(decoder));
  const AVStream* stream = raw->streams[track_];
  int code = avcodec_parameters_to_context(codec_.get(), stream->codecpar);
  if (code >= 0) code = avcodec_open2(codec_.get(), decoder, nullptr);
  if (code < 0) return av_fail(std::string("open the decoder ") + decoder->name, code);
  video_.container = raw->iformat->name;
  video_.codec = avcodec_get_name(codec_->codec_id);
  return {};
}

Result<void> Decoding::hand_out() {
  const AVPixFmtDescriptor* format =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame_->format));
  const bool deep = frame_->format == AV_PIX_FMT_YUV420P10LE;
  if (!deep && frame_->format != AV_PIX_FMT_YUV420P && frame_->format != AV_PIX_FMT_YUVJ420P) {
    return fail(ErrorKind::kUnsupported,
                std::string("decoded to ") +
                    (format != nullptr ? format->name : "an unknown format") +
                    ", expected 4:2:0 of 8 or 10 bits");
  }
  DecodedFrame result;
  result.index = video_.frames;
  result.size = {static_cast<std::uint32_t>(frame_->width),
                 static_cast<std::uint32_t>(frame_->height)};
  if (frame_->best_effort_timestamp != AV_NOPTS_VALUE) {
    result.has_pts = true;
    result.pts_ns = av_rescale_q(frame_->best_effort_timestamp, input_->streams[track_]->time_base,
                                 AVRational{1, 1'000'000'000});
  }
  result.key = is_key(*frame_);
  result.tags = {.matrix = frame_->colorspace,
                 .primaries = frame_->color_primaries,
                 .transfer = frame_->color_trc,
                 .range = frame_->color_range};
  if (deep) {
    result.bit_depth = 10;
    result.deep_luma = copy_words(*frame_, 0, result.size);
    result.luma = upper_bits(result.deep_luma);
    result.blue_diff = upper_bits(copy_words(*frame_, 1, result.chroma_size()));
    result.red_diff = upper_bits(copy_words(*frame_, 2, result.chroma_size()));
  } else {
    result.luma = copy_plane(*frame_, 0, result.size);
    result.blue_diff = copy_plane(*frame_, 1, result.chroma_size());
    result.red_diff = copy_plane(*frame_, 2, result.chroma_size());
  }
  if (video_.frames++ == 0) {
    video_.size = result.size;
    const char* profile = avcodec_profile_name(codec_->codec_id, codec_->profile);
    if (profile != nullptr) video_.profile = profile;
  }
  on_frame_(std::move(result));
  return {};
}

Result<void> Decoding::receive() {
  while (wants_more()) {
    const int code = avcodec_receive_frame(codec_.get(), frame_.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) break;
    if (code < 0) {
      ++video_.errors;
      break;
    }
    auto done = hand_out();
    av_frame_unref(frame_.get());
    if (!done) return done;
  }
  return {};
}

Result<DecodedVideo> Decoding::run(const std::string& location) {
  if (auto opened = open(location); !opened) return tl::unexpected(opened.error());
  const Packet packet(av_packet_alloc());
  while (wants_more()) {
    give_up_ = Clock::now() + settings_.idle_timeout;
    if (av_read_frame(input_.get(), packet.get()) < 0) break;  // the end, also a truncated one
    if (packet->stream_index == track_) {
      if (avcodec_send_packet(codec_.get(), packet.get()) < 0) ++video_.errors;
      if (auto done = receive(); !done) return tl::unexpected(done.error());
    }
    av_packet_unref(packet.get());
  }
  avcodec_send_packet(codec_.get(), nullptr);
  if (auto done = receive(); !done) return tl::unexpected(done.error());
  return std::move(video_);
}

}  // namespace

Result<DecodedVideo> decode_video(const std::string& location,
                                  const std::function<void(DecodedFrame&&)>& on_frame,
                                  const DecodeSettings& settings) {
  return Decoding(on_frame, settings).run(location);
}

Result<std::vector<DecodedFrame>> decode_frames(const std::string& location,
                                                const DecodeSettings& settings) {
  std::vector<DecodedFrame> frames;
  const auto video = decode_video(
      location, [&](DecodedFrame&& frame) { frames.push_back(std::move(frame)); }, settings);
  if (!video) return tl::unexpected(video.error());
  return frames;
}

}  // namespace lumen::session
