#include "sink/file/tick_rate.h"

#include <algorithm>
#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
}

#include <fmt/format.h>

namespace lumen {
namespace {

struct FreeFilter {
  void operator()(AVBSFContext* filter) const { av_bsf_free(&filter); }
};

tl::unexpected<Error> fail_filter(const char* name, int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  auto error = fail(ErrorKind::kUnsupported, fmt::format("{}: {}", name, text));
  error.value().domain = "ffmpeg";
  error.value().code = code;
  return error;
}

}  // namespace

Result<std::vector<std::uint8_t>> with_nominal_tick_rate(const StreamParameters& stream) {
  if (stream.rate.variable() || stream.parameter_sets.empty() || stream.codec == Codec::kAv1) {
    return stream.parameter_sets;
  }
  const bool h264 = stream.codec == Codec::kH264;
  const char* name = h264 ? "h264_metadata" : "hevc_metadata";
  const AVBitStreamFilter* kind = av_bsf_get_by_name(name);
  if (kind == nullptr) return fail_filter(name, AVERROR_BSF_NOT_FOUND);
  AVBSFContext* raw = nullptr;
  if (const int code = av_bsf_alloc(kind, &raw); code < 0) return fail_filter(name, code);
  const std::unique_ptr<AVBSFContext, FreeFilter> filter(raw);

  // A tick is a field in H.264 (E.2.1), two to a frame, and a picture in HEVC (E.3.1).
  const std::string rate =
      fmt::format("{}/{}", std::uint64_t{stream.rate.num} * (h264 ? 2 : 1), stream.rate.den);
  if (const int code = av_opt_set(filter->priv_data, "tick_rate", rate.c_str(), 0); code < 0) {
    return fail_filter(name, code);
  }
  // The filters rewrite parameter sets that they find in the extradata when they start; the frames
  // themselves need no filtering.
  AVCodecParameters& input = *filter->par_in;
  input.codec_type = AVMEDIA_TYPE_VIDEO;
  input.codec_id = h264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC;
  const auto& sets = stream.parameter_sets;
  input.extradata =
      static_cast<std::uint8_t*>(av_mallocz(sets.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (input.extradata == nullptr) return fail_filter(name, AVERROR(ENOMEM));
  input.extradata_size = static_cast<int>(sets.size());
  std::copy(sets.begin(), sets.end(), input.extradata);
  if (const int code = av_bsf_init(filter.get()); code < 0) return fail_filter(name, code);

  const AVCodecParameters& output = *filter->par_out;
  if (output.extradata == nullptr || output.extradata_size <= 0) {
    return fail_filter(name, AVERROR_INVALIDDATA);
  }
  return std::vector<std::uint8_t>(output.extradata, output.extradata + output.extradata_size);
}

}  // namespace lumen
