#include "app/pipeline/sink_specs.h"

#include <utility>
#include <variant>

namespace lumen {
namespace {

void fit(SinkSpec& spec, const StreamOptions& options, const EncoderSettings& video) {
  if (auto* web = std::get_if<WebSettings>(&spec)) {
    web->show_qr = options.show_qr;
    web->stream = {.codec = video.codec, .chroma = video.chroma, .bit_depth = video.bit_depth};
  }
}

}  // namespace

Result<std::vector<SinkSpec>> parse_sinks(const StreamOptions& options,
                                          const EncoderSettings& video) {
  std::vector<SinkSpec> specs;
  bool sdp_placed = !options.sdp_path;
  bool mirror_placed = !options.mirror;
  for (const std::string& text : options.sinks) {
    auto spec = parse_sink_spec(text);
    if (!spec) return tl::unexpected(std::move(spec.error()));
    auto* rtp = std::get_if<RtpSettings>(&*spec);
    if (!sdp_placed && rtp != nullptr && rtp->sdp_path.empty()) {
      rtp->sdp_path = *options.sdp_path;
      sdp_placed = true;
    }
    mirror_placed = mirror_placed || mirror(*spec, *options.mirror);
    fit(*spec, options, video);
    specs.push_back(std::move(*spec));
  }
  if (!sdp_placed) {
    return fail(ErrorKind::kInvalidArgument, "--sdp describes an RTP stream, but there is none",
                "add --sink rtp:127.0.0.1:5004, or leave --sdp out");
  }
  return specs;
}

Result<SinkSpec> parse_sink(const std::string& text, const StreamOptions& options,
                            const EncoderSettings& video) {
  auto spec = parse_sink_spec(text);
  if (spec) fit(*spec, options, video);
  return spec;
}

// A page and a session description name the codec; a file has it in its header.
Follows follows_codec(const SinkSpec& spec) {
  const bool described =
      std::holds_alternative<RtpSettings>(spec) || std::holds_alternative<WebSettings>(spec);
  return described ? Follows::kAnew : Follows::kNot;
}

}  // namespace lumen
