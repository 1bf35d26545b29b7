#include "sink/web/answer.h"

#include <iterator>

#include <fmt/format.h>

namespace lumen::web {
namespace {

using Text = std::back_insert_iterator<std::string>;

void add_session(Text out, std::string_view mid) {
  fmt::format_to(out,
                 "v=0\r\n"
                 "o=- 1 1 IN IP4 0.0.0.0\r\n"
                 "s=-\r\n"
                 "t=0 0\r\n"
                 "a=group:BUNDLE {}\r\n",
                 mid);
}

void add_transport(Text out, const Transport& transport) {
  fmt::format_to(out,
                 "a=ice-ufrag:{}\r\n"
                 "a=ice-pwd:{}\r\n"
                 "a=fingerprint:{}\r\n"
                 "a=setup:{}\r\n"
                 "a=rtcp-mux\r\n",
                 transport.ufrag, transport.password, transport.fingerprint, transport.setup);
}

void add_candidates(Text out, const Transport& transport) {
  for (const std::string& candidate : transport.candidates) {
    fmt::format_to(out, "a=candidate:{}\r\n", candidate);
  }
}

void add_format(Text out, const Offer& offer) {
  const H264Format& format = offer.format;
  fmt::format_to(
      out,
      "a=rtpmap:{0} H264/90000\r\n"
      "a=fmtp:{0} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={1}\r\n"
      "a=rtcp-fb:{0} nack pli\r\n"
      "a=rtcp-fb:{0} ccm fir\r\n",
      format.payload_type, format.profile_level_id);
  if (format.nack) fmt::format_to(out, "a=rtcp-fb:{} nack\r\n", format.payload_type);
  if (format.transport_cc) {
    fmt::format_to(out, "a=rtcp-fb:{} transport-cc\r\n", format.payload_type);
    fmt::format_to(out, "a=extmap:{} {}\r\n", offer.extensions.transport_cc, kTransportCcUri);
  }
  if (offer.extensions.playout_delay != 0) {
    fmt::format_to(out, "a=extmap:{} {}\r\n", offer.extensions.playout_delay, kPlayoutDelayUri);
  }
}

void add_stream(Text out, const StreamIds& ids, bool rtx) {
  fmt::format_to(out, "a=msid:lumen video\r\n");
  if (rtx) fmt::format_to(out, "a=ssrc-group:FID {} {}\r\n", ids.ssrc, ids.rtx_ssrc);
  fmt::format_to(out, "a=ssrc:{} cname:{}\r\n", ids.ssrc, ids.cname);
  if (rtx) fmt::format_to(out, "a=ssrc:{} cname:{}\r\n", ids.rtx_ssrc, ids.cname);
}

}  // namespace

std::string compose_receiver(const Offer& receiver, std::string_view mid) {
  std::string text;
  const Text out(text);
  add_session(out, mid);
  fmt::format_to(out,
                 "m=video 9 UDP/TLS/RTP/SAVPF {}\r\n"
                 "c=IN IP4 0.0.0.0\r\n"
                 "a=mid:{}\r\n"
                 "a=recvonly\r\n",
                 receiver.format.payload_type, mid);
  add_transport(out, receiver.transport);
  add_format(out, receiver);
  add_candidates(out, receiver.transport);
  return text;
}

std::string compose_answer(const Offer& offer, const Transport& ours, const StreamIds& ids) {
  std::string text;
  const Text out(text);
  add_session(out, offer.media[offer.video].mid);
  fmt::format_to(out, "a=msid-semantic:WMS lumen\r\n");
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    const OfferedMedia& media = offer.media[i];
    if (i != offer.video) {
      fmt::format_to(out,
                     "m={} 0 {} {}\r\n"
                     "c=IN IP4 0.0.0.0\r\n"
                     "a=mid:{}\r\n"
                     "a=inactive\r\n",
                     media.kind, media.protocol, media.format, media.mid);
      continue;
    }
    const auto rtx = offer.format.rtx_payload_type;
    fmt::format_to(out, "m=video 9 UDP/TLS/RTP/SAVPF {}{}\r\n", offer.format.payload_type,
                   rtx ? fmt::format(" {}", *rtx) : "");
    fmt::format_to(out,
                   "c=IN IP4 0.0.0.0\r\n"
                   "a=mid:{}\r\n"
                   "a=sendonly\r\n",
                   media.mid);
    add_transport(out, ours);
    add_format(out, offer);
    if (rtx) {
      fmt::format_to(out, "a=rtpmap:{0} rtx/90000\r\na=fmtp:{0} apt={1}\r\n", *rtx,
                     offer.format.payload_type);
    }
    add_stream(out, ids, rtx.has_value());
    add_candidates(out, ours);
    fmt::format_to(out, "a=end-of-candidates\r\n");
  }
  return text;
}

}  // namespace lumen::web
