#include "support/test_frames.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <stdexcept>

#include "capture/synthetic/barcode.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
}

namespace lumen::test {
namespace {

std::vector<std::uint8_t> rows(const std::uint8_t* plane, int pitch, std::uint32_t width,
                               std::uint32_t height) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(std::size_t{width} * height);
  for (std::uint32_t y = 0; y < height; ++y) {
    const std::uint8_t* row = plane + std::ptrdiff_t{pitch} * y;
    bytes.insert(bytes.end(), row, row + width);
  }
  return bytes;
}

double psnr_of(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = double{static_cast<double>(a[i])} - static_cast<double>(b[i]);
    sum += d * d;
  }
  if (sum == 0) return 100;
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / sum);
}

}  // namespace

TestFrames::TestFrames(Fourcc format, Extent size)
    : format_(format), size_(size), painter_(Fourcc::kNV12, size) {}

Frame TestFrames::at(std::uint32_t number) const {
  const std::size_t luma = std::size_t{size_.width} * size_.height;
  const std::shared_ptr<std::uint8_t> memory(new std::uint8_t[luma * 3 / 2],
                                             std::default_delete<std::uint8_t[]>());
  std::uint8_t* const p = memory.get();
  painter_.draw(number, view_pixels(p, Fourcc::kNV12, size_, Pitch{size_.width}));
  CpuImage image;
  image.format = format_;
  image.memory = memory;
  image.planes = {p, p + luma, p + luma + luma / 4};
  image.pitches = {Pitch{size_.width}, Pitch{size_.width}, Pitch{size_.width}};
  if (format_ == Fourcc::kI420) {
    const std::vector<std::uint8_t> pairs(p + luma, p + luma * 3 / 2);
    for (std::size_t i = 0; i < luma / 4; ++i) {
      image.planes[1][i] = pairs[2 * i];
      image.planes[2][i] = pairs[2 * i + 1];
    }
    image.pitches[1] = image.pitches[2] = Pitch{size_.width / 2};
  }
  Frame frame;
  frame.payload = image;
  frame.size = size_;
  frame.times.id = number;
  return frame;
}

std::optional<std::uint32_t> DecodedPicture::number() const {
  return barcode::read_luma(luma.data(), Pitch{size.width}, size);
}

PlayerDecoder::PlayerDecoder(Codec codec) : context_(nullptr) {
  const AVCodecID id = codec == Codec::kH264   ? AV_CODEC_ID_H264
                       : codec == Codec::kHevc ? AV_CODEC_ID_HEVC
                                               : AV_CODEC_ID_AV1;
  const AVCodec* decoder =
      id == AV_CODEC_ID_AV1 ? avcodec_find_decoder_by_name("libdav1d") : avcodec_find_decoder(id);
  if (decoder == nullptr) throw std::runtime_error("no decoder");
  context_ = avcodec_alloc_context3(decoder);
  context_->thread_count = 1;  // no delay
  context_->flags |= AV_CODEC_FLAG_LOW_DELAY;
  context_->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;  // a receiver shows what it has
  if (avcodec_open2(context_, decoder, nullptr) != 0) throw std::runtime_error("decoder");
}

PlayerDecoder::~PlayerDecoder() { avcodec_free_context(&context_); }

std::vector<DecodedPicture> PlayerDecoder::decode(const EncodedFrame& frame) {
  std::vector<std::uint8_t> bytes;
  if (frame.key) bytes = frame.stream->parameter_sets;
  const auto data = frame.data.view();
  bytes.insert(bytes.end(), data.begin(), data.end());
  AVPacket* packet = av_packet_alloc();
  if (av_new_packet(packet, static_cast<int>(bytes.size())) != 0) throw std::bad_alloc();
  std::copy(bytes.begin(), bytes.end(), packet->data);
  (void)avcodec_send_packet(context_, packet);  // damage shows in the pictures
  av_packet_free(&packet);
  return receive();
}

std::vector<DecodedPicture> PlayerDecoder::flush() {
  (void)avcodec_send_packet(context_, nullptr);
  return receive();
}

std::vector<DecodedPicture> PlayerDecoder::receive() {
  std::vector<DecodedPicture> pictures;
  AVFrame* frame = av_frame_alloc();
  while (avcodec_receive_frame(context_, frame) == 0) {
    DecodedPicture picture;
    picture.size = {static_cast<std::uint32_t>(frame->width),
                    static_cast<std::uint32_t>(frame->height)};
    const Extent half{(picture.size.width + 1) / 2, (picture.size.height + 1) / 2};
    picture.luma =
        rows(frame->data[0], frame->linesize[0], picture.size.width, picture.size.height);
    picture.blue = rows(frame->data[1], frame->linesize[1], half.width, half.height);
    picture.red = rows(frame->data[2], frame->linesize[2], half.width, half.height);
    picture.color_primaries = frame->color_primaries;
    picture.color_transfer = frame->color_trc;
    picture.color_matrix = frame->colorspace;
    picture.full_range = frame->color_range == AVCOL_RANGE_JPEG;
    pictures.push_back(std::move(picture));
    av_frame_unref(frame);
  }
  av_frame_free(&frame);
  return pictures;
}

std::vector<DecodedPicture> play(Codec codec, const std::vector<EncodedFrame>& frames) {
  PlayerDecoder decoder(codec);
  std::vector<DecodedPicture> pictures;
  const auto take = [&pictures](std::vector<DecodedPicture> more) {
    std::ranges::move(more, std::back_inserter(pictures));
  };
  for (const EncodedFrame& frame : frames) take(decoder.decode(frame));
  take(decoder.flush());
  return pictures;
}

double psnr(const DecodedPicture& picture, const Frame& original) {
  const auto& image = std::get<CpuImage>(original.payload);
  if (picture.size != original.size) return 0;
  return psnr_of(picture.luma, rows(image.planes[0], static_cast<int>(image.pitches[0].bytes),
                                    original.size.width, original.size.height));
}

double psnr(const DecodedPicture& a, const DecodedPicture& b) {
  if (a.size != b.size) return 0;
  return psnr_of(a.luma, b.luma);
}

}  // namespace lumen::test
