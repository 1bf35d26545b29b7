// Requests of strangers, as they come from the HTTP server, to a site with a token and to one
// without.
//
// The input's lines: method, path, host, origin, content type, authorization, cookies, peer; the
// rest is the body.
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/log.h"
#include "sink/web/site.h"

namespace {

using namespace lumen::web;

constexpr const char* kToken = "0123456789abcdefghijkl";

/// Someone who is never there.
class NoPeer final : public MediaPeer {
 public:
  lumen::Result<Transport> negotiate(const Offer&) override {
    return Transport{.ufrag = "abcd",
                     .password = "abcdefghijklmnopqrstuvwx",
                     .fingerprint = "sha-256 00",
                     .setup = "active"};
  }
  lumen::Result<Transport> offer(const Offer& ours) override { return negotiate(ours); }
  lumen::Result<void> accept(const Offer&) override { return {}; }
  void send(std::span<const std::uint8_t>, lumen::Timestamp) override {}
  void send_audio(std::span<const std::uint8_t>, lumen::Timestamp) override {}
  void close() override {}
};

struct Sites {
  Sites() {
    // Each viewer is a line at info.
    lumen::log::init(lumen::log::Verbosity::kQuiet);
    lumen::log::area("web").set_level(spdlog::level::off);
  }
  Audience audience{{.most = 4,
                     .make_peer = [](PeerSettings) -> lumen::Result<std::unique_ptr<MediaPeer>> {
                       return std::make_unique<NoPeer>();
                     }},
                    {.key_frame_wanted = [] {}}};
  Site open{{.names = {"localhost", "*.example.org"},
             .choose_quality = [](std::string_view id) { return id == "low"; }},
            audience};
  Site guarded{{.token = kToken,
                .encrypted = true,
                .limits = {.remembered = 8, .window = std::chrono::milliseconds{1}}},
               audience};
};

void require(bool condition) {
  if (!condition) std::abort();
}

/// Nothing that would end a header early, and no secret that the request has not told itself.
void check(const HttpResponse& response, bool told) {
  require(response.status >= 200 && response.status < 600);
  for (const auto& [name, value] : response.headers) {
    require(value.find_first_of("\r\n") == std::string::npos);
    require(told || value.find(kToken) == std::string::npos);
  }
  require(told || response.body.find(kToken) == std::string::npos);
  require(response.body.size() < 256 * 1024);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Sites sites;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string_view rest = input;
  std::array<std::string, 8> fields;
  for (std::string& field : fields) {
    const auto end = rest.find('\n');
    field = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  const HttpRequest request{.method = fields[0],
                            .path = fields[1],
                            .host = fields[2],
                            .origin = fields[3],
                            .content_type = fields[4],
                            .authorization = fields[5],
                            .cookies = fields[6],
                            .peer = fields[7],
                            .body = std::string(rest)};
  const bool told = input.find(kToken) != std::string_view::npos;
  const HttpResponse answer = sites.open.respond(request);
  check(answer, told);
  const HttpResponse guarded = sites.guarded.respond(request);
  check(guarded, told);
  // Without the token nothing but the page's own files, whoever asks.
  const bool knows = fields[5].find(kToken) != std::string::npos ||
                     request.body.find(kToken) != std::string::npos ||
                     request.body.find('\\') != std::string::npos ||  // JSON's other spellings
                     fields[6].find("__Host-lumen=") != std::string::npos;
  if (!knows) {
    require(guarded.status >= 400 || (fields[0] == "GET" || fields[0] == "HEAD"));
    require(guarded.content_type != "application/sdp" &&
            guarded.content_type != "application/json");
  }
  // Nobody stays: the next input finds room.
  for (const auto& [name, value] : answer.headers) {
    if (name == "Location") sites.audience.dismiss(value.substr(value.rfind('/') + 1));
  }
  for (const auto& [name, value] : guarded.headers) {
    if (name == "Location") sites.audience.dismiss(value.substr(value.rfind('/') + 1));
  }
  return 0;
}
