#include "encode/ffmpeg/libav_encoder.h"

#include <chrono>
#include <cstring>
#include <span>
#include <thread>

#include <fmt/format.h>

#include "encode/ffmpeg/libav_log.h"
#include "encode/obu.h"
#include "encode/stream_description.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/dict.h>
#include <libavutil/frame.h>
}

namespace lumen::ffmpeg {
namespace {

// Microseconds: fine enough that no two frames collide, coarse enough for the 32-bit timebase of
// x264.
constexpr AVRational kTimeBase{1, 1'000'000};
constexpr auto kPoll = std::chrono::microseconds{200};

tl::unexpected<Error> libav_failure(ErrorKind kind, std::string_view what, int code,
                                    std::string hint = {}) {
  auto failure =
      fail(kind, fmt::format("{}: {}", what, describe_libav_error(code)), std::move(hint));
  failure.value().domain = "ffmpeg";
  failure.value().code = code;
  return failure;
}

// H.273 numbers are the same in libavutil.
void set_color(AVCodecContext& context, const ColorDescription& color) {
  context.color_primaries = static_cast<AVColorPrimaries>(color.primaries);
  context.color_trc = static_cast<AVColorTransferCharacteristic>(color.transfer);
  context.colorspace = static_cast<AVColorSpace>(color.matrix);
  context.color_range = color.range == ColorRange::kFull ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  context.chroma_sample_location = AVCHROMA_LOC_LEFT;
}

class Options {
 public:
  explicit Options(const std::vector<std::pair<std::string, std::string>>& options) {
    for (const auto& [key, value] : options) av_dict_set(&dict_, key.c_str(), value.c_str(), 0);
  }
  Options(const Options&) = delete;
  ~Options() { av_dict_free(&dict_); }
  AVDictionary** get() { return &dict_; }
  /// First option that the codec did not know; null where it took them all.
  [[nodiscard]] const char* rejected() const {
    const AVDictionaryEntry* entry = av_dict_get(dict_, "", nullptr, AV_DICT_IGNORE_SUFFIX);
    return entry == nullptr ? nullptr : entry->key;
  }

 private:
  AVDictionary* dict_ = nullptr;
};

}  // namespace

void LibavEncoder::ContextDeleter::operator()(AVCodecContext* context) const {
  avcodec_free_context(&context);
}
void LibavEncoder::FrameDeleter::operator()(AVFrame* frame) const { av_frame_free(&frame); }
void LibavEncoder::PacketDeleter::operator()(AVPacket* packet) const { av_packet_free(&packet); }

Result<void> check_codec(const std::string& codec_name) {
  if (avcodec_find_encoder_by_name(codec_name.c_str()) == nullptr) {
    return fail(
        ErrorKind::kUnsupported, fmt::format("this FFmpeg has no encoder {}", codec_name),
        "install the distribution's full libavcodec (Debian: libavcodec-extra or libavcodec)");
  }
  return {};
}

LibavEncoder::~LibavEncoder() = default;

Result<std::unique_ptr<VideoEncoder>> LibavEncoder::create(const EncoderSettings& settings,
                                                           LibavSpec spec,
                                                           EncodedFrameCallback callback) {
  route_libav_log();
  std::unique_ptr<LibavEncoder> self(new LibavEncoder);
  self->callback_ = std::move(callback);
  self->feed_ = std::move(spec.feed);
  self->change_bitrate_ = spec.change_bitrate;
  self->vbv_seconds_ = spec.vbv_seconds;
  self->kept_back_ = spec.kept_back;
  if (auto opened = self->open(settings, spec); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  return self;
}

Result<void> LibavEncoder::open(const EncoderSettings& settings, const LibavSpec& spec) {
  if (settings.size.empty() || settings.size.width % 2 != 0 || settings.size.height % 2 != 0) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{}x{} can't be encoded: both sides must be even", settings.size.width,
                            settings.size.height));
  }
  const AVCodec* codec = avcodec_find_encoder_by_name(spec.codec_name.c_str());
  if (codec == nullptr) return check_codec(spec.codec_name);
  context_.reset(avcodec_alloc_context3(codec));
  frame_.reset(av_frame_alloc());
  packet_.reset(av_packet_alloc());
  if (!context_ || !frame_ || !packet_) return fail(ErrorKind::kIo, "out of memory");

  AVCodecContext& c = *context_;
  c.width = static_cast<int>(settings.size.width);
  c.height = static_cast<int>(settings.size.height);
  if (auto fed = feed_->prepare(c); !fed) return fed;
  c.time_base = kTimeBase;
  c.framerate = {static_cast<int>(settings.rate.num), static_cast<int>(settings.rate.den)};
  if (spec.rate != LibavSpec::Rate::kNone) {
    c.bit_rate = static_cast<std::int64_t>(settings.bitrate_bps);
  }
  if (spec.rate == LibavSpec::Rate::kMeanAndPeak) c.rc_max_rate = c.bit_rate;
  if (spec.vbv_seconds > 0) {
    c.rc_buffer_size =
        static_cast<int>(static_cast<double>(settings.bitrate_bps) * spec.vbv_seconds);
  }
  c.max_b_frames = 0;
  c.gop_size = spec.infinite_gop;
  c.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;  // parameter sets apart from the pictures
  set_color(c, settings.color);

  Options options(spec.options);
  take_last_libav_error();
  if (const int result = avcodec_open2(&c, codec, options.get()); result < 0) {
    return libav_failure(ErrorKind::kUnsupported, spec.codec_name + " does not open", result,
                         spec.open_hint);
  }
  if (const char* key = options.rejected()) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("{} of this FFmpeg does not know the option {}", spec.codec_name, key));
  }

  auto stream =
      describe_stream(settings, spec.codec_name,
                      {c.extradata, static_cast<std::size_t>(std::max(c.extradata_size, 0))});
  if (!stream) return tl::unexpected(std::move(stream.error()));
  stream_ = std::move(*stream);
  return {};
}

Result<void> LibavEncoder::reconfigure(const EncoderChange& change) {
  const bool other = (change.size && *change.size != stream_->size) ||
                     (change.rate && !(*change.rate == stream_->rate));
  if (other || (change.bitrate_bps && !change_bitrate_)) {
    return fail(ErrorKind::kUnsupported, stream_->encoder + " can't change that while it runs");
  }
  if (!change.bitrate_bps) return {};
  // libavcodec compares these with what the encoder has when the next frame comes.
  AVCodecContext& c = *context_;
  c.bit_rate = c.rc_max_rate = static_cast<std::int64_t>(*change.bitrate_bps);
  if (vbv_seconds_ > 0) {
    c.rc_buffer_size = static_cast<int>(static_cast<double>(*change.bitrate_bps) * vbv_seconds_);
  }
  return {};
}

Result<void> LibavEncoder::encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) {
  if (frame.size != stream_->size) {
    return fail(
        ErrorKind::kInvalidArgument,
        fmt::format("{} wants {}x{}", stream_->encoder, stream_->size.width, stream_->size.height));
  }
  if (first_pts_ == kNoTimestamp) first_pts_ = pts;
  std::int64_t pts_us =
      std::chrono::duration_cast<std::chrono::microseconds>(pts - first_pts_).count();
  pts_us = std::max(pts_us, last_pts_us_ + 1);
  last_pts_us_ = pts_us;

  AVFrame& f = *frame_;
  av_frame_unref(&f);
  if (auto filled = feed_->fill(f, frame); !filled) {
    av_frame_unref(&f);
    return with_context(stream_->encoder, std::move(filled.error()));
  }
  f.width = context_->width;
  f.height = context_->height;
  f.pts = pts_us;
  // Every repair is a key frame here.
  f.pict_type =
      request.repair == EncodeRequest::Repair::kNone ? AV_PICTURE_TYPE_NONE : AV_PICTURE_TYPE_I;
  f.color_primaries = context_->color_primaries;
  f.color_trc = context_->color_trc;
  f.colorspace = context_->colorspace;
  f.color_range = context_->color_range;

  in_flight_.push_back({pts_us, pts, frame.times});
  in_flight_.back().times.mark(Stage::kSubmitted);
  const int result = avcodec_send_frame(context_.get(), &f);
  av_frame_unref(&f);
  if (result < 0) {
    in_flight_.pop_back();
    return libav_failure(ErrorKind::kDeviceLost, stream_->encoder + " refuses a frame", result);
  }
  if (auto drained = drain(); !drained || !kept_back_) return drained;
  const Timestamp deadline = now() + frame_offset(stream_->rate, 1);
  while (in_flight_.size() > *kept_back_ && now() < deadline) {
    std::this_thread::sleep_for(kPoll);
    if (auto drained = drain(); !drained) return drained;
  }
  return {};
}

Result<void> LibavEncoder::flush() {
  const int result = avcodec_send_frame(context_.get(), nullptr);
  if (result < 0 && result != AVERROR_EOF) {
    return libav_failure(ErrorKind::kDeviceLost, stream_->encoder + " can't be flushed", result);
  }
  return drain();
}

Result<void> LibavEncoder::drain() {
  for (;;) {
    auto taken = take();
    if (!taken) return tl::unexpected(std::move(taken.error()));
    if (!*taken) return {};
  }
}

Result<bool> LibavEncoder::take() {
  const int result = avcodec_receive_packet(context_.get(), packet_.get());
  if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return false;
  if (result < 0) {
    return libav_failure(ErrorKind::kDeviceLost, stream_->encoder + " failed", result);
  }
  std::shared_ptr<AVPacket> packet(av_packet_alloc(), PacketDeleter{});
  if (!packet) return fail(ErrorKind::kIo, "out of memory");
  av_packet_move_ref(packet.get(), packet_.get());
  while (!in_flight_.empty() && in_flight_.front().pts_us < packet->pts) in_flight_.pop_front();
  if (in_flight_.empty()) {
    return fail(ErrorKind::kDeviceLost, stream_->encoder + " returned a picture it was not given");
  }
  EncodedFrame encoded;
  encoded.pts = in_flight_.front().pts;
  encoded.times = in_flight_.front().times;
  in_flight_.pop_front();
  encoded.times.mark(Stage::kEncoded);
  encoded.key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
  encoded.repaired = encoded.key;
  encoded.stream = stream_;
  std::span<const std::uint8_t> bytes(packet->data, static_cast<std::size_t>(packet->size));
  if (stream_->codec == Codec::kAv1) bytes = without_temporal_delimiter(bytes);
  encoded.data = SharedBytes(std::move(packet), bytes);
  callback_(std::move(encoded));
  return true;
}

}  // namespace lumen::ffmpeg
