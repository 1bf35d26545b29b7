// What a browser offers to receive (the SDP of a WHEP POST, RFC 8829), or a server answers to an
// offer of ours (WHIP, RFC 9725), reduced to what lumen uses.
// Every field has been checked: what is kept is safe to write into another description.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "sink/web/stream_kind.h"

namespace lumen::web {

/// How one side of a connection is reached and recognized (RFC 8839, RFC 8122, RFC 5763).
struct Transport {
  std::string ufrag;
  std::string password;
  std::string fingerprint;              // "sha-256 AB:CD:…", of the DTLS certificate
  std::string setup;                    // "active", "passive" or "actpass"
  std::vector<std::string> candidates;  // values of a=candidate; a browser's offer's are not kept
};

/// RTP header extensions, by the number that the offer gave each; 0: not offered.
struct ExtensionIds {
  unsigned playout_delay = 0;
  unsigned transport_cc = 0;  // only with VideoFormat::transport_cc
  unsigned abs_capture_time = 0;
};

struct VideoFormat {
  Codec codec = Codec::kH264;
  unsigned payload_type = 0;
  /// What a=fmtp says of it: of H.264 the profile as offered, of the others nothing but what was
  /// offered of the profile that is sent.
  std::string parameters;
  /// RFC 4588; none: can't ask for packets again. SRTP sends none twice as it was.
  std::optional<unsigned> rtx_payload_type;
  bool transport_cc = false;    // reports when each packet came
  bool remb = false;            // estimates the bandwidth itself ("goog-remb")
  bool reference_time = false;  // asks for its round trip ("rrtr", RFC 3611 section 5.1)
};

/// A media description, in the offer's order: an answer needs one for each.
struct OfferedMedia {
  std::string kind;      // "video", "audio", "application"
  std::string protocol;  // "UDP/TLS/RTP/SAVPF"
  std::string format;    // the first one, for the rejection
  std::string mid;
};

/// Where Opus may go along: a media description in the video's bundle (RFC 8843).
struct OfferedAudio {
  std::size_t index = 0;  // of Offer::media
  unsigned payload_type = 0;
};

struct Offer {
  std::vector<OfferedMedia> media;
  std::size_t video = 0;              // which of them carries the stream
  std::optional<OfferedAudio> audio;  // none: no sound is wanted
  Transport transport;
  VideoFormat format;
  ExtensionIds extensions;
};

inline constexpr std::size_t kMaxOfferBytes = 64 * 1024;
inline constexpr std::string_view kPlayoutDelayUri =
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
inline constexpr std::string_view kTransportCcUri =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// kInvalidArgument: no well-formed offer; kUnsupported: well-formed, but nothing in it that lumen
/// can send: no video to receive, or not of that kind in the form that lumen makes (H.264 with
/// packetization-mode 1).
Result<Offer> parse_offer(std::string_view sdp, StreamKind stream = {});

enum class OfferedSound { kNone, kOpus };

/// The offer that lumen makes where it is the one who asks: to send H.264, with retransmission, and
/// sound beside it.
Offer make_offer(OfferedSound sound);

/// What was agreed on, for the log: "H264 (profile-level-id=42e01f) as 96, again as 97,
/// transport-cc, Opus as 111".
std::string describe(const Offer& agreed);

/// What a server says to `ours`, which is of make_offer(): as parse_offer(), of which it takes the
/// same form; with UDP candidates, and without sound where the server wants none. kUnsupported: it
/// wants no video, or not as it was offered.
Result<Offer> parse_answer(std::string_view sdp, const Offer& ours);

/// The transport in a description of our own side, candidates included.
Result<Transport> parse_transport(std::string_view sdp);

}  // namespace lumen::web
