#include "test_video.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
}

namespace lumen::sim::nvenc::testing {
namespace {

std::size_t at(int value) { return static_cast<std::size_t>(value); }

std::uint8_t clip(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

struct Triple {
  double y;
  double u;
  double v;
};

Triple convert(double b, double g, double r, Matrix matrix) {
  const double luma = matrix.red * r + (1 - matrix.red - matrix.blue) * g + matrix.blue * b;
  return {16 + luma * 219 / 255, 128 + (b - luma) / (2 - 2 * matrix.blue) * 224 / 255,
          128 + (r - luma) / (2 - 2 * matrix.red) * 224 / 255};
}

void append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

Bytes interleave(const Yuv& yuv) {
  Bytes out;
  for (std::size_t i = 0; i < yuv.u.size(); ++i) {
    out.push_back(yuv.u[i]);
    out.push_back(yuv.v[i]);
  }
  return out;
}

/// 8 bits into the upper end of 16, as NVENC's 10-bit formats lie.
Bytes widen(const Bytes& in) {
  Bytes out;
  for (const std::uint8_t value : in) {
    out.push_back(0);
    out.push_back(value);
  }
  return out;
}

Bytes full_chroma(const Bytes& bgra) {
  std::array<Bytes, 3> planes;
  for (std::size_t i = 0; i < bgra.size(); i += 4) {
    const Triple yuv = convert(bgra[i], bgra[i + 1], bgra[i + 2], kBt709);
    planes[0].push_back(clip(yuv.y));
    planes[1].push_back(clip(yuv.u));
    planes[2].push_back(clip(yuv.v));
  }
  append(planes[0], planes[1]);
  append(planes[0], planes[2]);
  return planes[0];
}

Yuv copy(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  Yuv out{frame.width, frame.height, {}, {}, {}};
  const int depth = format->comp[0].depth;
  const auto sample = [&](int plane, int x, int y) -> unsigned {
    const std::uint8_t* row = frame.data[plane] + y * frame.linesize[plane];
    if (depth == 8) return row[x];
    return (row[x * 2] | unsigned{row[x * 2 + 1]} << 8) >> (depth - 8);
  };
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x) {
      out.y.push_back(static_cast<std::uint8_t>(sample(0, x, y)));
    }
  }
  const int across = format->log2_chroma_w == 1 ? 1 : 2;
  const int down = format->log2_chroma_h == 1 ? 1 : 2;
  for (const int plane : {1, 2}) {
    Bytes& to = plane == 1 ? out.u : out.v;
    for (int y = 0; y < (frame.height + 1) / 2; ++y) {
      for (int x = 0; x < (frame.width + 1) / 2; ++x) {
        unsigned sum = 0;
        for (int i = 0; i < across * down; ++i) {
          sum += sample(plane, x * across + i % across, y * down + i / across);
        }
        const auto count = static_cast<unsigned>(across * down);
        to.push_back(static_cast<std::uint8_t>((sum + count / 2) / count));
      }
    }
  }
  return out;
}

}  // namespace

Bytes scene(int width, int height, int number) {
  Bytes out(at(width) * at(height) * 4);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = &out[(at(y) * at(width) + at(x)) * 4];
      const int left = (number * 4) % std::max(1, width - 64);
      const bool box = x >= left && x < left + 64 && y >= height / 4 && y < height / 4 + 48;
      const double wave = std::sin((x + number * 2) * 0.05) * std::cos(y * 0.07);
      pixel[0] = box ? 40 : clip(255.0 * x / width);
      pixel[1] = box ? 200 : clip(128 + 100 * wave);
      pixel[2] = box ? 230 : clip(255.0 * y / height);
      pixel[3] = 255;
    }
  }
  return out;
}

Yuv to_yuv(const Bytes& bgra, int width, int height, Matrix matrix) {
  Yuv out{width, height, {}, {}, {}};
  const auto pixel = [&](int x, int y) { return &bgra[(at(y) * at(width) + at(x)) * 4]; };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::uint8_t* p = pixel(x, y);
      out.y.push_back(clip(convert(p[0], p[1], p[2], matrix).y));
    }
  }
  for (int y = 0; y < height; y += 2) {
    for (int x = 0; x < width; x += 2) {
      std::array<double, 3> sum{};
      for (int i = 0; i < 4; ++i) {
        const std::uint8_t* p =
            pixel(std::min(x + i % 2, width - 1), std::min(y + i / 2, height - 1));
        for (std::size_t c = 0; c < 3; ++c) sum.at(c) += p[c] / 4.0;
      }
      const Triple yuv = convert(sum[0], sum[1], sum[2], matrix);
      out.u.push_back(clip(yuv.u));
      out.v.push_back(clip(yuv.v));
    }
  }
  return out;
}

std::size_t row_bytes(NV_ENC_BUFFER_FORMAT format, int width) {
  switch (format) {
    case NV_ENC_BUFFER_FORMAT_ARGB:
    case NV_ENC_BUFFER_FORMAT_ABGR: return at(width) * 4;
    case NV_ENC_BUFFER_FORMAT_YUV420_10BIT:
    case NV_ENC_BUFFER_FORMAT_YUV444_10BIT: return at(width) * 2;
    default: return at(width);
  }
}

std::size_t total_rows(NV_ENC_BUFFER_FORMAT format, int height) {
  switch (format) {
    case NV_ENC_BUFFER_FORMAT_ARGB:
    case NV_ENC_BUFFER_FORMAT_ABGR: return at(height);
    case NV_ENC_BUFFER_FORMAT_YUV444:
    case NV_ENC_BUFFER_FORMAT_YUV444_10BIT: return at(height) * 3;
    default: return at(height) * 3 / 2;
  }
}

Bytes pixels(NV_ENC_BUFFER_FORMAT format, int width, int height, int number) {
  Bytes bgra = scene(width, height, number);
  if (format == NV_ENC_BUFFER_FORMAT_ARGB) return bgra;
  if (format == NV_ENC_BUFFER_FORMAT_ABGR) {
    for (std::size_t i = 0; i < bgra.size(); i += 4) std::swap(bgra[i], bgra[i + 2]);
    return bgra;
  }
  if (format == NV_ENC_BUFFER_FORMAT_YUV444) return full_chroma(bgra);
  if (format == NV_ENC_BUFFER_FORMAT_YUV444_10BIT) return widen(full_chroma(bgra));
  Yuv yuv = to_yuv(bgra, width, height);
  if (format == NV_ENC_BUFFER_FORMAT_YV12) std::swap(yuv.u, yuv.v);
  Bytes out = yuv.y;
  if (format == NV_ENC_BUFFER_FORMAT_YV12 || format == NV_ENC_BUFFER_FORMAT_IYUV) {
    append(out, yuv.u);
    append(out, yuv.v);
    return out;
  }
  append(out, interleave(yuv));
  return format == NV_ENC_BUFFER_FORMAT_YUV420_10BIT ? widen(out) : out;
}

double psnr(const Yuv& a, const Yuv& b) {
  if (a.y.size() != b.y.size() || a.u.size() != b.u.size()) return 0;
  double squares = 0;
  std::size_t count = 0;
  const auto add = [&](const Bytes& one, const Bytes& other) {
    for (std::size_t i = 0; i < one.size(); ++i) {
      const double difference = double(one[i]) - other[i];
      squares += difference * difference;
    }
    count += one.size();
  };
  add(a.y, b.y);
  add(a.u, b.u);
  add(a.v, b.v);
  return squares == 0 ? 99 : 10 * std::log10(255.0 * 255 * double(count) / squares);
}

Decoder::Decoder(const char* name, bool tolerant) {
  const AVCodec* codec = avcodec_find_decoder_by_name(name);
  if (codec == nullptr) throw std::runtime_error("no such decoder");
  context_ = avcodec_alloc_context3(codec);
  context_->thread_count = 1;
  context_->flags |= AV_CODEC_FLAG_LOW_DELAY | AV_CODEC_FLAG_OUTPUT_CORRUPT;
  context_->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;
  if (!tolerant) context_->err_recognition = AV_EF_EXPLODE;
  frame_ = av_frame_alloc();
  kept_ = av_frame_alloc();
  packet_ = av_packet_alloc();
  if (avcodec_open2(context_, codec, nullptr) < 0) throw std::runtime_error("decoder won't open");
}

Decoder::~Decoder() {
  av_packet_free(&packet_);
  av_frame_free(&kept_);
  av_frame_free(&frame_);
  avcodec_free_context(&context_);
}

std::vector<Yuv> Decoder::decode(std::span<const std::uint8_t> unit) {
  av_packet_unref(packet_);
  if (av_new_packet(packet_, static_cast<int>(unit.size())) < 0) return {};
  std::ranges::copy(unit, packet_->data);
  if (avcodec_send_packet(context_, packet_) < 0) ++errors_;
  return receive();
}

std::vector<Yuv> Decoder::finish() {
  avcodec_send_packet(context_, nullptr);
  return receive();
}

std::vector<Yuv> Decoder::receive() {
  std::vector<Yuv> out;
  while (avcodec_receive_frame(context_, kept_) == 0) {
    out.push_back(copy(*kept_));
    av_frame_unref(frame_);
    av_frame_move_ref(frame_, kept_);
  }
  return out;
}

std::vector<int> nal_types(std::span<const std::uint8_t> unit, bool hevc) {
  std::vector<int> types;
  for (std::size_t i = 0; i + 3 < unit.size(); ++i) {
    if (unit[i] != 0 || unit[i + 1] != 0 || unit[i + 2] != 1) continue;
    types.push_back(hevc ? unit[i + 3] >> 1 & 63 : unit[i + 3] & 31);
  }
  return types;
}

}  // namespace lumen::sim::nvenc::testing
