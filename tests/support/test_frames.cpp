#include "support/test_frames.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <stdexcept>

#include "capture/synthetic/barcode.h"
#include "zerocopy/frame_geometry.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
}

namespace lumen::test {
namespace {

/// Every `step`th sample from `first` on.
SamplePlane read_plane(const std::uint8_t* plane, std::size_t pitch, Extent size,
                       std::size_t sample_bytes, std::size_t step, std::size_t first) {
  SamplePlane result{size, {}};
  result.samples.reserve(std::size_t{size.width} * size.height);
  for (std::size_t y = 0; y < size.height; ++y) {
    const std::uint8_t* const row = plane + pitch * y + first * sample_bytes;
    for (std::size_t x = 0; x < size.width; ++x) {
      std::uint16_t sample = 0;
      std::memcpy(&sample, row + x * step * sample_bytes, sample_bytes);
      result.samples.push_back(sample);
    }
  }
  return result;
}

std::vector<std::uint8_t> upper_bits(const SamplePlane& plane, unsigned bit_depth) {
  std::vector<std::uint8_t> bytes(plane.samples.size());
  std::ranges::transform(plane.samples, bytes.begin(), [bit_depth](std::uint16_t sample) {
    return static_cast<std::uint8_t>(sample >> (bit_depth - 8));
  });
  return bytes;
}

template <typename Sample>
double psnr_of(std::span<const Sample> a, std::span<const Sample> b, double peak) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = double{static_cast<double>(a[i])} - static_cast<double>(b[i]);
    sum += d * d;
  }
  if (sum == 0) return 100;
  return 10 * std::log10(peak * peak * static_cast<double>(a.size()) / sum);
}

}  // namespace

TestFrames::TestFrames(Fourcc format, Extent size)
    : format_(format), size_(size), painter_(Fourcc::kNV12, size) {}

// Multiples of a macroblock, below the barcode, clear of what moves in the middle.
Rect TestFrames::detail_area(Extent size) {
  return {size.width / 16 / 16 * 16,
          size.height / 4 / 16 * 16,
          {size.width / 8 / 16 * 16, size.height / 4 / 16 * 16}};
}
Rect TestFrames::ramp_area(Extent size) {
  Rect area = detail_area(size);
  area.y += area.size.height + 16;
  return area;
}

// The pattern's NV12 is spread over the wanted planes; detail that NV12 can't have comes on top.
Frame TestFrames::at(std::uint32_t number) const {
  const std::size_t luma = std::size_t{size_.width} * size_.height;
  std::vector<std::uint8_t> nv12(luma * 3 / 2);
  painter_.draw(number, view_pixels(nv12.data(), Fourcc::kNV12, size_, Pitch{size_.width}));

  CpuImage image;
  image.format = format_;
  std::array<std::size_t, 3> starts{};
  std::size_t bytes = 0;
  for (unsigned plane = 0; plane < plane_count(format_); ++plane) {
    const PlaneExtent extent = plane_extent(format_, size_, plane);
    starts[plane] = bytes;
    image.pitches[plane] = Pitch{static_cast<std::uint32_t>(extent.row_bytes)};
    bytes += extent.row_bytes * extent.rows;
  }
  image.memory = {new std::uint8_t[bytes], std::default_delete<std::uint8_t[]>()};
  for (unsigned plane = 0; plane < plane_count(format_); ++plane) {
    image.planes[plane] = image.memory.get() + starts[plane];
  }
  Frame frame;
  frame.payload = image;
  frame.size = size_;
  frame.times.id = number;
  if (format_ == Fourcc::kNV12) {
    std::ranges::copy(nv12, image.memory.get());
    return frame;
  }
  const bool ten_bits = is_ten_bit(format_);
  const bool full = is_full_chroma(format_);
  const auto put = [&](unsigned plane, std::size_t index, unsigned value_of_ten_bits) {
    if (!ten_bits) {
      image.planes[plane][index] = static_cast<std::uint8_t>(value_of_ten_bits >> 2);
      return;
    }
    const auto word = static_cast<std::uint16_t>(value_of_ten_bits << 6);
    std::memcpy(image.planes[plane] + index * 2, &word, 2);
  };
  const auto inside = [](const Rect& rect, std::uint32_t x, std::uint32_t y) {
    return x >= rect.x && x < rect.x + rect.size.width && y >= rect.y &&
           y < rect.y + rect.size.height;
  };
  const Rect detail = detail_area(size_);
  const Rect ramp = ramp_area(size_);
  for (std::uint32_t y = 0; y < size_.height; ++y) {
    for (std::uint32_t x = 0; x < size_.width; ++x) {
      const std::size_t at = std::size_t{y} * size_.width + x;
      const std::uint8_t* const pair = nv12.data() + luma + y / 2 * size_.width + x / 2 * 2;
      unsigned value = unsigned{nv12[at]} << 2;
      unsigned cb = unsigned{pair[0]} << 2;
      unsigned cr = unsigned{pair[1]} << 2;
      if (full && inside(detail, x, y)) {
        value = 500;
        cb = x % 2 == 0 ? 400 : 620;
        cr = y % 2 == 0 ? 360 : 600;
      }
      if (ten_bits && inside(ramp, x, y)) {
        value = 401 + (x - ramp.x) / 2;  // all values, with two columns each
        cb = cr = 512;
      }
      put(0, at, value);
      if (full) {
        put(1, at, cb);
        put(2, at, cr);
      } else if (x % 2 == 0 && y % 2 == 0) {
        const std::size_t block = std::size_t{y} / 2 * (size_.width / 2) + x / 2;
        const bool pairs = plane_count(format_) == 2;
        put(1, pairs ? block * 2 : block, cb);
        put(pairs ? 1 : 2, pairs ? block * 2 + 1 : block, cr);
      }
    }
  }
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
    const AVPixFmtDescriptor& format =
        *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame->format));
    picture.bit_depth = static_cast<unsigned>(format.comp[0].depth);
    for (int plane = 0; plane < 3; ++plane) {
      const int across = plane == 0 ? 0 : format.log2_chroma_w;
      const int down = plane == 0 ? 0 : format.log2_chroma_h;
      const Extent extent{static_cast<std::uint32_t>(AV_CEIL_RSHIFT(frame->width, across)),
                          static_cast<std::uint32_t>(AV_CEIL_RSHIFT(frame->height, down))};
      picture.planes[static_cast<std::size_t>(plane)] =
          read_plane(frame->data[plane], static_cast<std::size_t>(frame->linesize[plane]), extent,
                     picture.bit_depth > 8 ? 2 : 1, 1, 0);
    }
    picture.luma = upper_bits(picture.planes[0], picture.bit_depth);
    picture.blue = upper_bits(picture.planes[1], picture.bit_depth);
    picture.red = upper_bits(picture.planes[2], picture.bit_depth);
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

std::array<SamplePlane, 3> samples_of(const Frame& frame) {
  const auto& image = std::get<CpuImage>(frame.payload);
  const std::size_t bytes = is_ten_bit(image.format) ? 2 : 1;
  const Extent half{frame.size.width / 2, frame.size.height / 2};
  const Extent chroma = is_full_chroma(image.format) ? frame.size : half;
  const bool pairs = plane_count(image.format) == 2;
  std::array<SamplePlane, 3> planes;
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const std::size_t from = i == 2 && pairs ? 1 : i;
    planes[i] =
        read_plane(image.planes[from], image.pitches[from].bytes, i == 0 ? frame.size : chroma,
                   bytes, i > 0 && pairs ? 2 : 1, i == 2 && pairs ? 1 : 0);
    if (bytes == 2) {
      for (std::uint16_t& sample : planes[i].samples)
        sample = static_cast<std::uint16_t>(sample >> 6);
    }
  }
  return planes;
}

SamplePlane part_of(const SamplePlane& plane, const Rect& part) {
  SamplePlane result{part.size, {}};
  for (std::uint32_t y = 0; y < part.size.height; ++y) {
    const auto row =
        plane.samples.begin() +
        static_cast<std::ptrdiff_t>((std::size_t{part.y} + y) * plane.size.width + part.x);
    result.samples.insert(result.samples.end(), row, row + part.size.width);
  }
  return result;
}

double psnr(const SamplePlane& a, const SamplePlane& b, unsigned bit_depth) {
  if (a.size != b.size || a.size.empty()) return 0;
  return psnr_of<std::uint16_t>(a.samples, b.samples, (1U << bit_depth) - 1);
}

double psnr(const DecodedPicture& picture, const Frame& original) {
  return psnr(picture.planes[0], samples_of(original)[0], picture.bit_depth);
}

double chroma_psnr(const DecodedPicture& picture, const Frame& original) {
  const auto planes = samples_of(original);
  return std::min(psnr(picture.planes[1], planes[1], picture.bit_depth),
                  psnr(picture.planes[2], planes[2], picture.bit_depth));
}

double psnr(const DecodedPicture& a, const DecodedPicture& b) {
  if (a.size != b.size) return 0;
  return psnr_of<std::uint8_t>(a.luma, b.luma, 255);
}

}  // namespace lumen::test
