#include "encode/stream_description.h"

#include <utility>

#include "encode/parameter_sets.h"

namespace lumen {

Result<std::shared_ptr<const StreamParameters>> describe_stream(
    const EncoderSettings& settings, std::string encoder, std::span<const std::uint8_t> header) {
  auto stream = std::make_shared<StreamParameters>();
  stream->codec = settings.codec;
  stream->size = settings.size;
  stream->rate = settings.rate;
  stream->color = settings.color;
  stream->bitrate_bps = settings.bitrate_bps;
  stream->encoder = std::move(encoder);
  stream->parameter_sets = pure_parameter_sets(settings.codec, header);
  if (stream->parameter_sets.empty()) {
    return fail(ErrorKind::kUnsupported, stream->encoder + " gives no parameter sets");
  }
  return stream;
}

}  // namespace lumen
