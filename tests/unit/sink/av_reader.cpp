#include "av_reader.h"

#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace lumen::test {
namespace {

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

void receive(AVCodecContext& decoder, ReadFile& result) {
  const std::unique_ptr<AVFrame, FreeFrame> frame(av_frame_alloc());
  while (avcodec_receive_frame(&decoder, frame.get()) >= 0) {
    ++result.decoded;
    if (frame->decode_error_flags != 0) ++result.decode_errors;
  }
}

}  // namespace

ReadFile read_back(const std::string& path) {
  ReadFile result;
  AVFormatContext* raw = nullptr;
  if (const int code = avformat_open_input(&raw, path.c_str(), nullptr, nullptr); code < 0) {
    result.error = text_of(code);
    return result;
  }
  const std::unique_ptr<AVFormatContext, CloseInput> input(raw);
  if (input->nb_streams == 1) {
    result.container_matrix = input->streams[0]->codecpar->color_space;
    result.container_range = input->streams[0]->codecpar->color_range;
  }
  if (const int code = avformat_find_stream_info(input.get(), nullptr); code < 0) {
    result.error = text_of(code);
    return result;
  }
  if (input->nb_streams != 1) {
    result.error = std::to_string(input->nb_streams) + " streams";
    return result;
  }
  const AVStream& stream = *input->streams[0];
  const AVCodecParameters& codec = *stream.codecpar;
  result.codec_id = codec.codec_id;
  result.codec_tag = codec.codec_tag;
  result.time_base_num = stream.time_base.num;
  result.time_base_den = stream.time_base.den;
  const bool average = stream.avg_frame_rate.num > 0;
  result.frame_rate = av_q2d(average ? stream.avg_frame_rate : stream.r_frame_rate);
  result.primaries = codec.color_primaries;
  result.transfer = codec.color_trc;
  result.matrix = codec.color_space;
  result.range = codec.color_range;
  result.width = codec.width;

  const std::unique_ptr<AVCodecContext, FreeDecoder> decoder(
      avcodec_alloc_context3(avcodec_find_decoder(codec.codec_id)));
  avcodec_parameters_to_context(decoder.get(), &codec);
  decoder->thread_count = 1;
  if (const int code = avcodec_open2(decoder.get(), nullptr, nullptr); code < 0) {
    result.error = text_of(code);
    return result;
  }
  const std::unique_ptr<AVPacket, FreePacket> packet(av_packet_alloc());
  while (av_read_frame(input.get(), packet.get()) >= 0) {
    result.pts.push_back(packet->pts);
    result.durations.push_back(packet->duration);
    result.keys.push_back((packet->flags & AV_PKT_FLAG_KEY) != 0);
    if (avcodec_send_packet(decoder.get(), packet.get()) < 0) ++result.decode_errors;
    av_packet_unref(packet.get());
    receive(*decoder, result);
  }
  avcodec_send_packet(decoder.get(), nullptr);
  receive(*decoder, result);
  // A raw stream has no times: libavformat 7 then claims 25 per second, while a player goes by the
  // VUI, which the decoder reports.
  const std::string container = input->iformat->name;
  if (container == "h264" || container == "hevc") result.frame_rate = av_q2d(decoder->framerate);
  return result;
}

}  // namespace lumen::test
