// Session descriptions of strangers: offers of viewers, answers and Link headers of WHIP servers.
// What is taken from them is safe to write into descriptions of our own.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sink/web/answer.h"
#include "sink/web/offer.h"
#include "sink/whip/link_header.h"

namespace {

using lumen::web::Offer;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Each line is "x=…\r\n", and there is no other line than those that lumen writes.
void require_sound(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    require(end != std::string_view::npos && end >= 2);
    const std::string_view line = text.substr(0, end);
    require(std::string_view("vostacm").find(line[0]) != std::string_view::npos && line[1] == '=');
    for (const char c : line) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    text.remove_prefix(end + 2);
  }
}

void check(const Offer& offer) {
  require(offer.video < offer.media.size());
  require(offer.format.payload_type <= 127 && !offer.format.parameters.empty());
  const std::string inner = lumen::web::compose_receiver(offer, lumen::web::mids_of(offer));
  require_sound(inner);
  require_sound(lumen::web::compose_answer(offer, offer.transport, {.ssrc = 1, .rtx_ssrc = 2}));
  // What lumen writes it reads again, and means the same.
  const auto again = lumen::web::parse_offer(inner);
  require(again && again->format.payload_type == offer.format.payload_type &&
          again->transport.fingerprint == offer.transport.fingerprint &&
          again->transport.ufrag == offer.transport.ufrag);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto offer = lumen::web::parse_offer(text)) check(*offer);
  for (const auto sound : {lumen::web::OfferedSound::kNone, lumen::web::OfferedSound::kOpus}) {
    const Offer ours = lumen::web::make_offer(sound);
    if (const auto answer = lumen::web::parse_answer(text, ours)) {
      require(answer->transport.candidates.size() <= 32);
      require(!answer->audio || ours.audio);
      check(*answer);
      require_sound(lumen::web::compose_receiver(*answer, {.video = "v", .audio = "a"}));
    }
  }
  for (const auto& server : lumen::whip::ice_servers_in(text)) {
    for (const std::string* part : {&server.url, &server.username, &server.credential}) {
      for (const char c : *part) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    }
  }
  return 0;
}
