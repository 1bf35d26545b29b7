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
  std::uint32_t rtx_ssrc = 0;  // of packets sent again; only with H264Format::rtx_payload_type
  std::string cname;           // RFC 7022
};

/// The offer reduced to its video, with nothing in it but what was checked. Without candidates: the
/// browser's own checks tell where it is.
std::string compose_offer(const Offer& offer);

/// The answer: the stream in the video, everything else rejected. `ours` has the candidates.
std::string compose_answer(const Offer& offer, const Transport& ours, const StreamIds& ids);

}  // namespace lumen::web
