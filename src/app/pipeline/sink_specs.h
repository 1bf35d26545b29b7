// The sinks that the options name, as this stream's.
#pragma once

#include <string>
#include <vector>

#include "app/options/stream_options.h"
#include "encode/video_encoder.h"
#include "sink/sink_spec.h"

namespace lumen {

/// All of the options' sinks, in order. --sdp belongs to the first RTP sink that has no path of its
/// own, --mirror to the first sink that makes RTP packets.
Result<std::vector<SinkSpec>> parse_sinks(const StreamOptions& options,
                                          const EncoderSettings& video);

/// One that comes later.
Result<SinkSpec> parse_sink(const std::string& text, const StreamOptions& options,
                            const EncoderSettings& video);

enum class Follows {
  kAsItIs,
  kAnew,  // its receivers have to begin again with a sink made for the new stream
  kNot,
};
/// What becomes of a sink when the stream gets another codec.
Follows follows_codec(const SinkSpec& spec);

}  // namespace lumen
