#include "encode/software/av1_encoder.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "encode/av1_quantizer.h"
#include "encode/ffmpeg/libav_encoder.h"
#include "encode/software/planes.h"
#include "encode/software/sizes.h"
#include "encode/stream_description.h"

namespace lumen::software {
namespace {

constexpr const char* kCodec = "libsvtav1";
constexpr unsigned kKeptBack = 2;
constexpr unsigned kIndexStep =
    4;  // of base_q_idx, from one of the library's quantizers to the next
constexpr unsigned kCoarsest = 63;

ffmpeg::LibavSpec spec_of(const EncoderSettings& settings) {
  ffmpeg::LibavSpec spec;
  spec.codec_name = kCodec;
  spec.feed = ffmpeg::make_host_feed(Fourcc::kI420);
  spec.kept_back = kKeptBack;
  spec.options.emplace_back("preset", settings.preset.empty() ? "12" : settings.preset);
  // Low delay, and a constant bit rate: the wrapper asks for it by a peak rate that the library
  // refuses.
  std::string parameters = "pred-struct=1:lookahead=0:scd=0:enable-tf=0";
  if (settings.constant_qp) {
    spec.rate = ffmpeg::LibavSpec::Rate::kNone;
    const unsigned index = av1_quantizer_index(*settings.constant_qp);
    const unsigned qp = std::clamp((index + kIndexStep / 2) / kIndexStep, 1U, kCoarsest);
    spec.options.emplace_back("qp", std::to_string(qp));
  } else {
    spec.rate = ffmpeg::LibavSpec::Rate::kMean;
    parameters += ":rc=2";
  }
  spec.options.emplace_back("svtav1-params", parameters);
  return spec;
}

Frame grey(Extent size) {
  const std::size_t luma = std::size_t{size.width} * size.height;
  CpuImage image;
  image.format = Fourcc::kI420;
  image.memory = std::shared_ptr<std::uint8_t>(new std::uint8_t[luma * 3 / 2],
                                               std::default_delete<std::uint8_t[]>());
  std::uint8_t* const pixels = image.memory.get();
  std::fill_n(pixels, luma * 3 / 2, std::uint8_t{128});
  image.planes = {pixels, pixels + luma, pixels + luma + luma / 4};
  image.pitches = {Pitch{size.width}, Pitch{size.width / 2}, Pitch{size.width / 2}};
  Frame frame;
  frame.payload = std::move(image);
  frame.size = size;
  return frame;
}

// A temporal unit with it. The sequence header that SVT-AV1 tells when it opens is not the one that
// it writes then: other tools are switched on. So one picture is coded for it.
Result<std::vector<std::uint8_t>> written_header(const EncoderSettings& settings) {
  std::vector<std::uint8_t> header;
  auto encoder =
      ffmpeg::LibavEncoder::create(settings, spec_of(settings), [&header](EncodedFrame frame) {
        const auto unit = frame.data.view();
        header.assign(unit.begin(), unit.end());
      });
  if (!encoder) return tl::unexpected(std::move(encoder.error()));
  if (auto done = (*encoder)->encode(grey(settings.size), Timestamp{} + Nanoseconds{1}, {});
      !done) {
    return tl::unexpected(std::move(done.error()));
  }
  if (auto done = (*encoder)->flush(); !done) return tl::unexpected(std::move(done.error()));
  return header;
}

}  // namespace

Result<void> check_av1() { return ffmpeg::check_codec(kCodec); }

Result<std::unique_ptr<VideoEncoder>> Av1Encoder::create(const EncoderSettings& settings,
                                                         EncodedFrameCallback callback) {
  if (settings.chroma != Chroma::k420 || settings.bit_depth != 8) {
    return fail(ErrorKind::kUnsupported, "AV1 in software is 4:2:0 with 8 bits",
                "H.264 and HEVC have more");
  }
  if (!settings.level.empty()) {
    return fail(ErrorKind::kUnsupported, "SVT-AV1 chooses the level itself", "leave out the level");
  }
  std::unique_ptr<Av1Encoder> self(new Av1Encoder(settings, std::move(callback)));
  if (auto opened = self->open(settings); !opened) return tl::unexpected(opened.error());
  return self;
}

Result<void> Av1Encoder::open(const EncoderSettings& settings) {
  auto header = written_header(settings);
  if (!header) return tl::unexpected(std::move(header.error()));
  auto stream = describe_stream(settings, kCodec, *header);
  if (!stream) return tl::unexpected(std::move(stream.error()));
  if (auto closed = close_instance(); !closed) return closed;
  stream_ = std::move(*stream);
  settings_ = settings;
  return {};
}

Result<void> Av1Encoder::close_instance() {
  const auto closing = std::move(inner_);
  return closing ? closing->flush() : Result<void>{};
}

Result<std::unique_ptr<VideoEncoder>> Av1Encoder::instance() {
  return ffmpeg::LibavEncoder::create(settings_, spec_of(settings_),
                                      [this, stream = stream_](EncodedFrame frame) {
                                        frame.stream = stream;
                                        callback_(std::move(frame));
                                      });
}

Result<void> Av1Encoder::encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) {
  if (frame.size != settings_.size) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} wants {}x{}", kCodec, settings_.size.width, settings_.size.height));
  }
  if (auto planes = planes_of(frame, Fourcc::kI420); !planes) {
    return with_context(kCodec, std::move(planes.error()));
  }
  if (request.repair != EncodeRequest::Repair::kNone) {
    if (auto closed = close_instance(); !closed) return closed;
  }
  if (!inner_) {
    auto next = instance();
    if (!next) return tl::unexpected(std::move(next.error()));
    inner_ = std::move(*next);
  }
  return inner_->encode(frame, pts, {});
}

Result<void> Av1Encoder::reconfigure(const EncoderChange& change) {
  const EncoderSettings wanted = changed(settings_, change);
  const bool new_size = wanted.size != settings_.size;
  if (new_size) {
    if (auto fits = check_new_size(settings_, wanted.size); !fits) return fits;
  } else if (wanted.bitrate_bps == settings_.bitrate_bps && wanted.rate == settings_.rate) {
    return {};
  } else if (wanted.constant_qp) {
    if (wanted.bitrate_bps != settings_.bitrate_bps) {
      return fail(ErrorKind::kUnsupported, "constant quality has no bit rate");
    }
    settings_ = wanted;
    return {};
  }
  return open(wanted);
}

}  // namespace lumen::software
