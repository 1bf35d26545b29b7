#include "support/sound_reader.h"

#include <cmath>
#include <memory>
#include <numbers>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace lumen::test {
namespace {

// A beep's amplitude is 0.5; what the codec puts in front of it stays below this.
constexpr float kLoud = 0.15F;
constexpr double kPause = 0.2;  // seconds of silence before a beep

struct CloseInput {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
struct FreeDecoder {
  void operator()(AVCodecContext* decoder) const { avcodec_free_context(&decoder); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};

std::string text_of(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

void receive(AVCodecContext& decoder, AVRational time_base, ReadSound& sound) {
  const std::unique_ptr<AVFrame, FreeFrame> frame(av_frame_alloc());
  while (avcodec_receive_frame(&decoder, frame.get()) >= 0) {
    SoundPiece piece;
    piece.begin = static_cast<double>(frame->best_effort_timestamp) * av_q2d(time_base);
    const auto* left = reinterpret_cast<const float*>(frame->extended_data[0]);
    const int last = frame->ch_layout.nb_channels - 1;
    const auto* right = reinterpret_cast<const float*>(frame->extended_data[last]);
    piece.left.assign(left, left + frame->nb_samples);
    piece.right.assign(right, right + frame->nb_samples);
    sound.pieces.push_back(std::move(piece));
  }
}

const std::vector<float>& samples_of(const SoundPiece& piece, Side side) {
  return side == Side::kLeft ? piece.left : piece.right;
}

}  // namespace

ReadSound read_sound(const std::string& path) {
  ReadSound sound;
  AVFormatContext* raw = nullptr;
  if (const int code = avformat_open_input(&raw, path.c_str(), nullptr, nullptr); code < 0) {
    sound.error = text_of(code);
    return sound;
  }
  const std::unique_ptr<AVFormatContext, CloseInput> input(raw);
  if (const int code = avformat_find_stream_info(input.get(), nullptr); code < 0) {
    sound.error = text_of(code);
    return sound;
  }
  const AVCodec* kind = nullptr;
  const int track = av_find_best_stream(input.get(), AVMEDIA_TYPE_AUDIO, -1, -1, &kind, 0);
  if (track < 0) {
    sound.error = "no sound";
    return sound;
  }
  const AVStream& stream = *input->streams[track];
  const std::unique_ptr<AVCodecContext, FreeDecoder> decoder(avcodec_alloc_context3(kind));
  avcodec_parameters_to_context(decoder.get(), stream.codecpar);
  decoder->pkt_timebase = stream.time_base;
  decoder->request_sample_fmt = AV_SAMPLE_FMT_FLTP;
  if (const int code = avcodec_open2(decoder.get(), kind, nullptr); code < 0) {
    sound.error = text_of(code);
    return sound;
  }
  sound.codec = avcodec_get_name(decoder->codec_id);
  sound.rate = decoder->sample_rate;
  sound.channels = decoder->ch_layout.nb_channels;
  if (decoder->sample_fmt != AV_SAMPLE_FMT_FLTP) {
    sound.error = "not decoded to planes of floats";
    return sound;
  }
  const std::unique_ptr<AVPacket, FreePacket> packet(av_packet_alloc());
  while (av_read_frame(input.get(), packet.get()) >= 0) {
    if (packet->stream_index == track) {
      ++sound.packets;
      if (avcodec_send_packet(decoder.get(), packet.get()) < 0) ++sound.decode_errors;
      receive(*decoder, stream.time_base, sound);
    }
    av_packet_unref(packet.get());
  }
  avcodec_send_packet(decoder.get(), nullptr);
  receive(*decoder, stream.time_base, sound);
  return sound;
}

std::vector<double> find_beeps(const ReadSound& sound, Side side) {
  std::vector<double> beeps;
  double quiet_since = 0;
  for (const SoundPiece& piece : sound.pieces) {
    const auto& samples = samples_of(piece, side);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (std::abs(samples[i]) < kLoud) continue;
      const double time = piece.begin + static_cast<double>(i) / sound.rate;
      if (time - quiet_since > kPause) beeps.push_back(time);
      quiet_since = time;
    }
  }
  return beeps;
}

double tone_level(const ReadSound& sound, Side side, double frequency, double begin,
                  double seconds) {
  double sine = 0;
  double cosine = 0;
  double count = 0;
  for (const SoundPiece& piece : sound.pieces) {
    const auto& samples = samples_of(piece, side);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double time = piece.begin + static_cast<double>(i) / sound.rate - begin;
      if (time < 0 || time >= seconds) continue;
      const double angle = 2 * std::numbers::pi * frequency * time;
      sine += samples[i] * std::sin(angle);
      cosine += samples[i] * std::cos(angle);
      ++count;
    }
  }
  return count == 0 ? 0 : 2 * std::hypot(sine, cosine) / count;
}

}  // namespace lumen::test
