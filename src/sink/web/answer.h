// The descriptions that lumen writes in a negotiation: what it tells its WebRTC stack about the
// browser, and what it tells the browser. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "sink/web/offer.h"

namespace lumen::web {

/// What the stream is called on the wire, in one viewer's session.
struct StreamIds {
  std::uint32_t ssrc = 0;
  std::uint32_t rtx_ssrc = 0;  // of packets sent again; only with VideoFormat::rtx_payload_type
  std::uint32_t audio_ssrc = 0;
  std::string cname;  // RFC 7022; one for all, so that receivers synchronize them
};

/// What the media of a stream are called in a description (RFC 5888).
struct StreamMids {
  std::string video;
  std::string audio;  // empty: there is none
};

/// As the receiver calls them.
StreamMids mids_of(const Offer& receiver);

/// The receiver's description reduced to its video, which comes first, and its sound, with nothing
/// in it but what was checked. Sound that `mids` names and the receiver does not take is rejected.
/// A browser's has no candidates: its own checks tell where it is.
std::string compose_receiver(const Offer& receiver, const StreamMids& mids);

/// The answer, or with `offer` of make_offer() the offer that is sent: the stream in the video
/// and the sound, everything else rejected. `ours` has the candidates.
std::string compose_answer(const Offer& offer, const Transport& ours, const StreamIds& ids);

}  // namespace lumen::web
