#include "encode/software/x265_encoder.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "core/log.h"
#include "encode/software/nominal.h"
#include "encode/software/sizes.h"
#include "encode/stream_description.h"

namespace lumen::software {
Result<std::unique_ptr<VideoEncoder>> X265Encoder::create(const EncoderSettings& settings,
                                                          EncodedFrameCallback callback) {
  std::unique_ptr<X265Encoder> self(new X265Encoder(settings, std::move(callback)));
  if (auto opened = self->open(settings); !opened) return tl::unexpected(opened.error());
  return self;
}

Result<void> X265Encoder::open(const EncoderSettings& settings) {
  auto setup = x265_setup(settings);
  if (!setup) return tl::unexpected(std::move(setup.error()));
  std::unique_ptr<x265_encoder, CloseX265> encoder(setup->api->encoder_open(setup->param.get()),
                                                   CloseX265{setup->api});
  if (!encoder) {
    return fail(ErrorKind::kUnsupported, "libx265 does not open with these settings");
  }
  if (auto described = describe(*setup, *encoder, settings); !described) return described;
  encoder_ = std::move(encoder);
  setup_ = std::move(*setup);
  settings_ = settings;
  model_.reset();
  new_sequence_ = true;
  return {};
}

Result<void> X265Encoder::describe(const X265Setup& setup, x265_encoder& encoder,
                                   const EncoderSettings& settings) {
  x265_nal* nals = nullptr;
  std::uint32_t count = 0;
  std::vector<std::uint8_t> header;
  if (setup.api->encoder_headers(&encoder, &nals, &count) >= 0) {
    for (const x265_nal& nal : std::span(nals, count)) {
      header.insert(header.end(), nal.payload, nal.payload + nal.sizeBytes);
    }
  }
  auto stream = describe_stream(settings, "libx265", header);
  if (!stream) return tl::unexpected(std::move(stream.error()));
  stream_ = std::move(*stream);
  return {};
}

EncoderCapabilities X265Encoder::capabilities() const {
  return {.change_bitrate = !settings_.constant_qp, .change_size = true};
}

Result<void> X265Encoder::set_planes(const Frame& frame, x265_picture& picture) {
  auto planes = planes_of(frame, setup_.format);
  if (!planes) return with_context("libx265", std::move(planes.error()));
  // What stands in the high end of a word is a number of 16 bits; it takes as many as it needs.
  picture.bitDepth = settings_.bit_depth == 8 ? 8 : 16;
  if (setup_.format == Fourcc::kP010) planes = splitter_.to_three_planes(*planes, frame.size);
  picture.colorSpace = setup_.param->internalCsp;
  std::ranges::copy(planes->data, picture.planes);
  std::ranges::copy(planes->strides, picture.stride);
  return {};
}

Result<void> X265Encoder::encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) {
  if (frame.size != settings_.size) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("libx265 wants {}x{}", settings_.size.width, settings_.size.height));
  }
  const bool key = new_sequence_ || request.repair != EncodeRequest::Repair::kNone;
  if (model_ && key) {
    if (auto opened = open(settings_); !opened) {
      log::area("x265").warn("the old bit rate is kept: {}", opened.error().describe());
    }
  }
  x265_picture picture;
  setup_.api->picture_init(setup_.param.get(), &picture);
  if (auto set = set_planes(frame, picture); !set) return set;
  picture.pts = next_number_++;
  picture.sliceType = key ? X265_TYPE_IDR : X265_TYPE_P;
  if (model_) picture.forceqp = model_->quantizer() + 1;

  EncodedFrame encoded;
  encoded.pts = pts;
  encoded.times = frame.times;
  encoded.times.mark(Stage::kSubmitted);
  x265_picture coded;
  setup_.api->picture_init(setup_.param.get(), &coded);
  x265_nal* nals = nullptr;
  std::uint32_t count = 0;
  int pictures = setup_.api->encoder_encode(encoder_.get(), &nals, &count, &picture, &coded);
  // With several slices it keeps a picture back until it is asked for the last ones.
  if (pictures == 0) {
    pictures = setup_.api->encoder_encode(encoder_.get(), &nals, &count, nullptr, &coded);
  }
  if (pictures <= 0 || count == 0) return fail(ErrorKind::kDeviceLost, "libx265 failed");
  new_sequence_ = false;
  last_quantizer_ = coded.frameData.qp;
  encoded.key = coded.sliceType == X265_TYPE_IDR;
  encoded.repaired = encoded.key;
  hand_out(std::move(encoded), {nals, count});
  return {};
}

void X265Encoder::hand_out(EncodedFrame encoded, std::span<const x265_nal> nals) {
  auto bytes = std::make_shared<std::vector<std::uint8_t>>();
  for (const x265_nal& nal : nals) {
    if (nal.type == NAL_UNIT_ACCESS_UNIT_DELIMITER) continue;
    bytes->insert(bytes->end(), nal.payload, nal.payload + nal.sizeBytes);
  }
  if (model_) model_->coded(static_cast<double>(bytes->size()) * 8);
  encoded.times.mark(Stage::kEncoded);
  encoded.stream = stream_;
  const std::span<const std::uint8_t> view(*bytes);
  encoded.data = SharedBytes(std::move(bytes), view);
  callback_(std::move(encoded));
}

Result<void> X265Encoder::reconfigure(const EncoderChange& change) {
  const EncoderSettings wanted = changed(settings_, change);
  if (wanted.size != settings_.size) {
    if (auto fits = check_new_size(settings_, wanted.size); !fits) return fits;
    return open(wanted);
  }
  if (wanted.constant_qp) {
    if (wanted.bitrate_bps != settings_.bitrate_bps) {
      return fail(ErrorKind::kUnsupported, "constant quality has no bit rate");
    }
  } else if (new_sequence_) {
    if (wanted.bitrate_bps != settings_.bitrate_bps || !(wanted.rate == settings_.rate)) {
      return open(wanted);
    }
  } else if (mean_bits(wanted) != mean_bits(settings_)) {
    const double mean = mean_bits(wanted);
    model_.emplace(mean, last_quantizer_ + 6 * std::log2(mean_bits(settings_) / mean));
  }
  settings_ = wanted;
  return {};
}

}  // namespace lumen::software
