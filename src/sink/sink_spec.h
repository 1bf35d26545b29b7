// Sinks as a user names them:
//   file:PATH[?format=mp4|mkv|h264|hevc]
//   rtp:HOST:PORT[?OPTION&…], see RtpSettings: pt=N, ssrc=N, mtu=N, mux=1, rtcp=PORT, rtx-pt=N,
//     rtx-ssrc=N, twcc=ID, abs-capture-time=ID, audio-port=N, audio-pt=N,
//     feedback=0, sdp=PATH
//   whip:URL[?token=TOKEN]
//   web[:ADDRESS:PORT][?token=on&token-file=PATH&cert=PATH&key=PATH]
#pragma once

#include <string_view>
#include <variant>

#include "core/error.h"
#include "sink/file/file_settings.h"
#include "sink/rtp/rtp_sink.h"
#include "sink/web/web_settings.h"
#include "sink/whip/whip_settings.h"

namespace lumen {

using SinkSpec = std::variant<FileSettings, RtpSettings, WebSettings, WhipSettings>;

/// IPv6 addresses stand in brackets; an SSRC is decimal or 0x hexadecimal. A file name may hold '?'
/// itself: only what looks like known options after the last one is taken as such. Nothing is
/// percent-decoded, so the SDP's path can't hold '&'. A WHIP endpoint's URL may have a query of its
/// own; only the token is taken out of it, and no error repeats it. kInvalidArgument with an
/// example otherwise.
Result<SinkSpec> parse_sink_spec(std::string_view text);

/// "HOST:PORT", IPv6 in brackets. kInvalidArgument with an example otherwise.
Result<rtp::MirrorTarget> parse_mirror_target(std::string_view text);

/// Has the sink send a copy of its RTP packets to the target. False where it makes none.
bool mirror(SinkSpec& spec, const rtp::MirrorTarget& target);

/// True where browsers decode the stream, here or behind a WHIP server: they all know H.264's
/// constrained baseline profile, and some nothing else (RFC 7742 section 6.2).
bool is_for_browsers(const SinkSpec& spec);

/// True where the receiver is offered H.264 and nothing else.
bool takes_h264_only(const SinkSpec& spec);

}  // namespace lumen
