#include "sink/web/answer.h"

#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sink/rtp/encoding_name.h"
#include "sink/rtp/header_extensions.h"

namespace lumen::web {
namespace {

using Text = std::back_insert_iterator<std::string>;

void add_session(Text out, std::string_view mids) {
  fmt::format_to(out,
                 "v=0\r\n"
                 "o=- 1 1 IN IP4 0.0.0.0\r\n"
                 "s=-\r\n"
                 "t=0 0\r\n"
                 "a=group:BUNDLE{}\r\n",
                 mids);
}

/// RFC 7587 section 7.
void add_opus(Text out, unsigned payload_type) {
  fmt::format_to(out,
                 "a=rtpmap:{0} opus/48000/2\r\n"
                 "a=fmtp:{0} stereo=1;sprop-stereo=1;minptime=10;useinbandfec=1\r\n",
                 payload_type);
}

bool carried(const Offer& offer, std::size_t index) {
  return index == offer.video || (offer.audio && index == offer.audio->index);
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
  const VideoFormat& format = offer.format;
  fmt::format_to(out, "a=rtpmap:{} {}/90000\r\n", format.payload_type,
                 rtp::encoding_name(format.codec));
  if (!format.parameters.empty()) {
    fmt::format_to(out, "a=fmtp:{} {}\r\n", format.payload_type, format.parameters);
  }
  fmt::format_to(out,
                 "a=rtcp-fb:{0} nack pli\r\n"
                 "a=rtcp-fb:{0} ccm fir\r\n",
                 format.payload_type);
  if (format.rtx_payload_type) fmt::format_to(out, "a=rtcp-fb:{} nack\r\n", format.payload_type);
  if (format.reference_time) {
    fmt::format_to(out, "a=rtcp-fb:{} rrtr\r\n", format.payload_type);
  }
  if (format.remb) fmt::format_to(out, "a=rtcp-fb:{} goog-remb\r\n", format.payload_type);
  if (format.transport_cc) {
    fmt::format_to(out, "a=rtcp-fb:{} transport-cc\r\n", format.payload_type);
    fmt::format_to(out, "a=extmap:{} {}\r\n", offer.extensions.transport_cc, kTransportCcUri);
  }
  if (offer.extensions.playout_delay != 0) {
    fmt::format_to(out, "a=extmap:{} {}\r\n", offer.extensions.playout_delay, kPlayoutDelayUri);
  }
  if (offer.extensions.abs_capture_time != 0) {
    fmt::format_to(out, "a=extmap:{} {}\r\n", offer.extensions.abs_capture_time,
                   rtp::kAbsCaptureTimeUri);
  }
}

void add_stream(Text out, const StreamIds& ids, bool rtx) {
  fmt::format_to(out, "a=msid:lumen video\r\n");
  if (rtx) fmt::format_to(out, "a=ssrc-group:FID {} {}\r\n", ids.ssrc, ids.rtx_ssrc);
  fmt::format_to(out, "a=ssrc:{} cname:{}\r\n", ids.ssrc, ids.cname);
  if (rtx) fmt::format_to(out, "a=ssrc:{} cname:{}\r\n", ids.rtx_ssrc, ids.cname);
}

void add_accepted(Text out, std::string_view kind, std::string_view payload_types,
                  std::string_view mid, const Transport& ours) {
  fmt::format_to(out,
                 "m={} 9 UDP/TLS/RTP/SAVPF {}\r\n"
                 "c=IN IP4 0.0.0.0\r\n"
                 "a=mid:{}\r\n"
                 "a=sendonly\r\n",
                 kind, payload_types, mid);
  add_transport(out, ours);
}

void add_rejected(Text out, const OfferedMedia& media) {
  fmt::format_to(out,
                 "m={} 0 {} {}\r\n"
                 "c=IN IP4 0.0.0.0\r\n"
                 "a=mid:{}\r\n"
                 "a=inactive\r\n",
                 media.kind, media.protocol, media.format, media.mid);
}

void add_video(Text out, const Offer& offer, const Transport& ours, const StreamIds& ids) {
  const auto rtx = offer.format.rtx_payload_type;
  add_accepted(out, "video",
               fmt::format("{}{}", offer.format.payload_type, rtx ? fmt::format(" {}", *rtx) : ""),
               offer.media[offer.video].mid, ours);
  add_format(out, offer);
  if (rtx) {
    fmt::format_to(out, "a=rtpmap:{0} rtx/90000\r\na=fmtp:{0} apt={1}\r\n", *rtx,
                   offer.format.payload_type);
  }
  add_stream(out, ids, rtx.has_value());
}

void add_audio(Text out, const Offer& offer, const Transport& ours, const StreamIds& ids) {
  add_accepted(out, "audio", std::to_string(offer.audio->payload_type),
               offer.media[offer.audio->index].mid, ours);
  add_opus(out, offer.audio->payload_type);
  // The same stream as the video's: browsers synchronize what is in one.
  fmt::format_to(out, "a=msid:lumen audio\r\na=ssrc:{} cname:{}\r\n", ids.audio_ssrc, ids.cname);
}

}  // namespace

StreamMids mids_of(const Offer& receiver) {
  return {.video = receiver.media[receiver.video].mid,
          .audio = receiver.audio ? receiver.media[receiver.audio->index].mid : ""};
}

std::string compose_receiver(const Offer& receiver, const StreamMids& mids) {
  std::string text;
  const Text out(text);
  add_session(out, " " + mids.video + (receiver.audio ? " " + mids.audio : ""));
  const auto add_media = [&](std::string_view kind, unsigned payload_type, std::string_view name) {
    fmt::format_to(out,
                   "m={} 9 UDP/TLS/RTP/SAVPF {}\r\n"
                   "c=IN IP4 0.0.0.0\r\n"
                   "a=mid:{}\r\n"
                   "a=recvonly\r\n",
                   kind, payload_type, name);
    add_transport(out, receiver.transport);
  };
  add_media("video", receiver.format.payload_type, mids.video);
  add_format(out, receiver);
  add_candidates(out, receiver.transport);
  if (receiver.audio) {
    add_media("audio", receiver.audio->payload_type, mids.audio);
    add_opus(out, receiver.audio->payload_type);
  } else if (!mids.audio.empty()) {
    add_rejected(
        out, {.kind = "audio", .protocol = "UDP/TLS/RTP/SAVPF", .format = "0", .mid = mids.audio});
    // webrtcbin asks for these even there (GStreamer 1.22, webrtcsdp.c).
    add_transport(out, receiver.transport);
  }
  return text;
}

std::string compose_answer(const Offer& offer, const Transport& ours, const StreamIds& ids) {
  std::string text;
  const Text out(text);
  std::string mids;
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    if (carried(offer, i)) mids += " " + offer.media[i].mid;
  }
  add_session(out, mids);
  fmt::format_to(out, "a=msid-semantic:WMS lumen\r\n");
  bool reachable = false;
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    const OfferedMedia& media = offer.media[i];
    if (!carried(offer, i)) {
      add_rejected(out, media);
      continue;
    }
    if (i == offer.video) {
      add_video(out, offer, ours, ids);
    } else {
      add_audio(out, offer, ours, ids);
    }
    // Candidates stand in the first of a bundle (RFC 8843 section 9.3).
    if (std::exchange(reachable, true)) continue;
    add_candidates(out, ours);
    fmt::format_to(out, "a=end-of-candidates\r\n");
  }
  return text;
}

}  // namespace lumen::web
