// Sinks as a user names them:
//   file:PATH[?format=mp4|mkv|h264|hevc]
//   rtp:HOST:PORT[?pt=N&ssrc=N&mtu=N&sdp=PATH]
#pragma once

#include <string_view>
#include <variant>

#include "core/error.h"
#include "sink/file/file_settings.h"
#include "sink/rtp/rtp_sink.h"

namespace lumen {

using SinkSpec = std::variant<FileSettings, RtpSettings>;

/// IPv6 addresses stand in brackets; an SSRC is decimal or 0x hexadecimal. A file name may hold '?'
/// itself: only what looks like known options after the last one is taken as such. Nothing is
/// percent-decoded, so the SDP's path can't hold '&'. kInvalidArgument with an example otherwise.
Result<SinkSpec> parse_sink_spec(std::string_view text);

}  // namespace lumen
