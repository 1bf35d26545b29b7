#include "sink/file/av_muxer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

extern "C" {
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <libavutil/mem.h>
}

#include "core/log.h"

namespace lumen {
namespace {

constexpr int kIoBufferBytes = 64 << 10;
constexpr AVRational kNanoseconds{1, 1'000'000'000};

tl::unexpected<Error> fail_av(const std::string& what, int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  auto error = fail(ErrorKind::kIo, what + ": " + text);
  error.value().domain = "ffmpeg";
  error.value().code = code;
  return error;
}

int av_code(const Error& error) {
  return error.domain == "errno" ? AVERROR(static_cast<int>(error.code)) : AVERROR(EIO);
}

#if LIBAVFORMAT_VERSION_MAJOR >= 61
using WriteBuffer = const std::uint8_t*;
#else
using WriteBuffer = std::uint8_t*;
#endif

int write_callback(void* opaque, WriteBuffer bytes, int size) {
  auto& output = *static_cast<FileOutput*>(opaque);
  const auto written = output.write({bytes, static_cast<std::size_t>(size)});
  return written ? size : av_code(written.error());
}

std::int64_t seek_callback(void* opaque, std::int64_t offset, int whence) {
  auto& output = *static_cast<FileOutput*>(opaque);
  whence &= ~AVSEEK_FORCE;
  if (whence == AVSEEK_SIZE) {
    const auto size = output.size();
    return size ? *size : av_code(size.error());
  }
  std::int64_t base = 0;
  if (whence == SEEK_CUR) base = output.position();
  if (whence == SEEK_END) {
    const auto size = output.size();
    if (!size) return av_code(size.error());
    base = *size;
  }
  const auto moved = output.seek(base + offset);
  return moved ? output.position() : av_code(moved.error());
}

AVCodecID codec_id(Codec codec) {
  switch (codec) {
    case Codec::kHevc: return AV_CODEC_ID_HEVC;
    case Codec::kAv1: return AV_CODEC_ID_AV1;
    case Codec::kH264: break;
  }
  return AV_CODEC_ID_H264;
}

/// With the parameter sets in the sample entry; players on Apple systems take no other HEVC tag.
std::uint32_t mp4_tag(Codec codec) {
  switch (codec) {
    case Codec::kHevc: return MKTAG('h', 'v', 'c', '1');
    case Codec::kAv1: return MKTAG('a', 'v', '0', '1');
    case Codec::kH264: break;
  }
  return MKTAG('a', 'v', 'c', '1');
}

AVRational to_av(FrameRate rate) {
  constexpr std::uint32_t kLimit = std::numeric_limits<int>::max();
  if (rate.variable() || rate.num > kLimit || rate.den > kLimit) return {0, 1};
  return {static_cast<int>(rate.num), static_cast<int>(rate.den)};
}

/// Copies into memory with the zero padding that libav's readers may look into.
Result<void> set_extradata(AVCodecParameters& codec, std::span<const std::uint8_t> bytes) {
  auto* copy = static_cast<std::uint8_t*>(av_mallocz(bytes.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (copy == nullptr) return fail_av("can't describe the stream", AVERROR(ENOMEM));
  std::copy(bytes.begin(), bytes.end(), copy);
  codec.extradata = copy;
  codec.extradata_size = static_cast<int>(bytes.size());
  return {};
}

/// What an Opus file begins with (RFC 7845 section 5.1); MP4 and Matroska take it from there.
/// Nothing is to be skipped: packets tell the time of what a decoder makes of them.
constexpr std::array<std::uint8_t, 19> kOpusHead = {'O',  'p',  'u', 's', 'H',
                                                    'e',  'a',  'd', 1,  // version
                                                    2,                   // channels
                                                    0,    0,             // samples to skip
                                                    0x80, 0xbb, 0,   0,  // 48000
                                                    0,    0,             // gain
                                                    0};  // one stream, mono or stereo

// An Opus packet of 10 ms of stereo silence (RFC 6716 section 3.1: CELT, full band; 4.3: silence).
constexpr std::array<std::uint8_t, 3> kOpusSilence = {0xf4, 0xff, 0xfe};

void drop_shared(void* opaque, std::uint8_t*) { delete static_cast<SharedBytes*>(opaque); }

/// The packet reads the encoder's bytes where they are.
int refer_to(AVPacket& packet, const SharedBytes& shared) {
  const auto bytes = shared.view();
  auto owner = std::make_unique<SharedBytes>(shared);
  // libav counts references to read-only memory too; it never writes there.
  packet.buf = av_buffer_create(const_cast<std::uint8_t*>(bytes.data()), bytes.size(), drop_shared,
                                owner.get(), AV_BUFFER_FLAG_READONLY);
  if (packet.buf == nullptr) return AVERROR(ENOMEM);
  (void)owner.release();  // drop_shared()'s from here
  packet.data = packet.buf->data;
  packet.size = static_cast<int>(bytes.size());
  return 0;
}

int copy_joined(AVPacket& packet, std::span<const std::uint8_t> front,
                std::span<const std::uint8_t> back) {
  if (const int code = av_new_packet(&packet, static_cast<int>(front.size() + back.size()));
      code < 0) {
    return code;
  }
  std::copy(back.begin(), back.end(), std::copy(front.begin(), front.end(), packet.data));
  return 0;
}

}  // namespace

void AvMuxer::FreeIo::operator()(AVIOContext* io) const {
  av_freep(&io->buffer);
  avio_context_free(&io);
}
void AvMuxer::FreeFormat::operator()(AVFormatContext* format) const {
  avformat_free_context(format);
}
void AvMuxer::FreePacket::operator()(AVPacket* packet) const { av_packet_free(&packet); }

Result<std::unique_ptr<AvMuxer>> AvMuxer::create(Container container,
                                                 const StreamParameters& stream,
                                                 std::span<const std::uint8_t> parameter_sets,
                                                 const std::optional<AudioParameters>& audio,
                                                 FileOutput& output) {
  std::unique_ptr<AvMuxer> muxer(new AvMuxer(output));
  AVFormatContext* format = nullptr;
  const char* name = container == Container::kMp4 ? "mp4" : "matroska";
  if (const int code = avformat_alloc_output_context2(&format, nullptr, name, nullptr); code < 0) {
    return fail_av("can't make a container", code);
  }
  muxer->format_.reset(format);
  muxer->tracks_begin_at_zero_ = container == Container::kMp4;
  muxer->packet_.reset(av_packet_alloc());
  if (!muxer->packet_) return fail_av("can't make a packet", AVERROR(ENOMEM));
  if (auto done = muxer->open_io(); !done) return tl::unexpected(done.error());
  if (auto done = muxer->add_stream(container, stream, parameter_sets); !done) {
    return tl::unexpected(done.error());
  }
  if (audio) {
    if (auto done = muxer->add_audio(*audio); !done) return tl::unexpected(done.error());
  }
  if (auto done = muxer->write_header(container); !done) return tl::unexpected(done.error());
  const AVRational rate = to_av(stream.rate);
  if (rate.num > 0) {
    muxer->frame_ticks_ = av_rescale_q(1, av_inv_q(rate), muxer->stream_->time_base);
  }
  return muxer;
}

Result<void> AvMuxer::open_io() {
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kIoBufferBytes));
  if (buffer == nullptr) return fail_av("can't buffer", AVERROR(ENOMEM));
  io_.reset(avio_alloc_context(buffer, kIoBufferBytes, 1, &output_, nullptr, write_callback,
                               output_.seekable() ? seek_callback : nullptr));
  if (!io_) {
    av_free(buffer);
    return fail_av("can't buffer", AVERROR(ENOMEM));
  }
  format_->pb = io_.get();
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;
  format_->flush_packets = 1;  // what the container has finished goes to the system at once
  return {};
}

Result<void> AvMuxer::add_stream(Container container, const StreamParameters& stream,
                                 std::span<const std::uint8_t> parameter_sets) {
  stream_ = avformat_new_stream(format_.get(), nullptr);
  if (stream_ == nullptr) return fail_av("can't describe the stream", AVERROR(ENOMEM));
  AVCodecParameters& codec = *stream_->codecpar;
  codec.codec_type = AVMEDIA_TYPE_VIDEO;
  codec.codec_id = codec_id(stream.codec);
  if (container == Container::kMp4) {
    codec.codec_tag = mp4_tag(stream.codec);
    stream_->time_base = {1, 90'000};
  }
  codec.width = static_cast<int>(stream.size.width);
  codec.height = static_cast<int>(stream.size.height);
  codec.bit_rate = static_cast<std::int64_t>(stream.bitrate_bps);
  codec.sample_aspect_ratio = {1, 1};
  stream_->sample_aspect_ratio = {1, 1};
  // libavutil's numbers are those of H.273, as ours are.
  codec.color_primaries = static_cast<AVColorPrimaries>(stream.color.primaries);
  codec.color_trc = static_cast<AVColorTransferCharacteristic>(stream.color.transfer);
  codec.color_space = static_cast<AVColorSpace>(stream.color.matrix);
  codec.color_range = stream.color.range == ColorRange::kFull ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  stream_->avg_frame_rate = to_av(stream.rate);
  return set_extradata(codec, parameter_sets);
}

Result<void> AvMuxer::add_audio(const AudioParameters& audio) {
  audio_ = avformat_new_stream(format_.get(), nullptr);
  if (audio_ == nullptr) return fail_av("can't describe the sound", AVERROR(ENOMEM));
  audio_->time_base = {1, static_cast<int>(kOpusRate)};
  AVCodecParameters& codec = *audio_->codecpar;
  codec.codec_type = AVMEDIA_TYPE_AUDIO;
  codec.codec_id = AV_CODEC_ID_OPUS;
  codec.sample_rate = static_cast<int>(kOpusRate);
  codec.frame_size = static_cast<int>(kOpusFrame);
  codec.seek_preroll = kOpusRate / 1000 * 80;  // RFC 7845 section 4.6
  codec.bit_rate = static_cast<std::int64_t>(audio.bitrate_bps);
  av_channel_layout_default(&codec.ch_layout, static_cast<int>(audio.channels));
  return set_extradata(codec, kOpusHead);
}

Result<void> AvMuxer::write_header(Container container) {
  AVDictionary* options = nullptr;
  if (container == Container::kMp4) {
    av_dict_set(&options, "movflags", "frag_keyframe+empty_moov+default_base_moof", 0);
    av_dict_set(&options, "frag_duration", "1000000", 0);  // µs
  } else {
    av_dict_set(&options, "cluster_time_limit", "1000", 0);  // ms
    if (!output_.seekable()) av_dict_set(&options, "live", "1", 0);
  }
  const int code = avformat_write_header(format_.get(), &options);
  av_dict_free(&options);
  if (code < 0) return failed("can't write the file's header", code);
  avio_flush(io_.get());
  if (io_->error < 0) return failed("can't write the file's header", io_->error);
  return {};
}

Result<void> AvMuxer::write(const EncodedFrame& frame,
                            std::span<const std::uint8_t> parameter_sets) {
  if (first_pts_ == kNoTimestamp) {
    first_pts_ = frame.pts;
    log::area("file").debug("{}: times count from {} ns", output_.name(),
                            first_pts_.time_since_epoch().count());
  }
  AVPacket& packet = *packet_;
  av_packet_unref(&packet);
  const int filled = parameter_sets.empty()
                         ? refer_to(packet, frame.data)
                         : copy_joined(packet, parameter_sets, frame.data.view());
  if (filled < 0) return failed("can't make a packet", filled);
  // Two frames closer than one tick still need different times.
  const std::int64_t ticks =
      std::max(last_ticks_ + 1,
               av_rescale_q((frame.pts - first_pts_).count(), kNanoseconds, stream_->time_base));
  last_ticks_ = ticks;
  packet.pts = ticks;
  packet.dts = ticks;
  packet.duration = frame_ticks_;
  packet.stream_index = stream_->index;
  if (frame.key) packet.flags |= AV_PKT_FLAG_KEY;

  return write_packet("can't write a frame");
}

Result<void> AvMuxer::write(const AudioPacket& sound) {
  if (audio_ == nullptr || first_pts_ == kNoTimestamp) return {};
  const std::int64_t ticks =
      av_rescale_q((sound.pts - first_pts_).count(), kNanoseconds, audio_->time_base);
  if (ticks <= last_audio_ticks_) return {};
  if (last_audio_ticks_ < 0 && ticks > 0 && tracks_begin_at_zero_) {
    const AudioPacket silence{SharedBytes(nullptr, kOpusSilence), first_pts_, sound.duration};
    if (auto written = write(silence); !written) return written;
  }
  AVPacket& packet = *packet_;
  av_packet_unref(&packet);
  if (const int code = refer_to(packet, sound.data); code < 0) {
    return failed("can't make a packet", code);
  }
  last_audio_ticks_ = ticks;
  packet.pts = ticks;
  packet.dts = ticks;
  packet.duration = av_rescale_q(sound.duration.count(), kNanoseconds, audio_->time_base);
  packet.stream_index = audio_->index;
  packet.flags |= AV_PKT_FLAG_KEY;
  return write_packet("can't write sound");
}

Result<void> AvMuxer::write_packet(const char* what) {
  int code = av_write_frame(format_.get(), packet_.get());
  av_packet_unref(packet_.get());
  // A null packet makes the container write out what it gathers: no frame waits for the next.
  if (code >= 0 && output_.piped()) code = av_write_frame(format_.get(), nullptr);
  if (code >= 0) code = io_->error;
  if (code < 0) return failed(what, code);
  return {};
}

Result<void> AvMuxer::finish() {
  int code = av_write_trailer(format_.get());
  if (code >= 0) {
    avio_flush(io_.get());
    code = io_->error;
  }
  if (code < 0) return failed("can't finish the file", code);
  return {};
}

tl::unexpected<Error> AvMuxer::failed(const char* what, int code) const {
  if (output_.failure()) return tl::unexpected(*output_.failure());
  return fail_av(output_.name() + ": " + what, code);
}

}  // namespace lumen
