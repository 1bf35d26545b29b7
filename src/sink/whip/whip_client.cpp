#include "sink/whip/whip_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "sink/whip/link_header.h"

namespace lumen::whip {
namespace {

constexpr int kMostRedirections = 5;
constexpr std::size_t kMostBodyBytes = 64 * 1024;
constexpr std::size_t kMostLinks = 16;
constexpr long kConnectSeconds = 5;
constexpr long kTotalSeconds = 10;
constexpr long kFarewellSeconds = 2;  // nobody waits longer for the end

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;
using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

Url parse_url(const std::string& text) {
  Url url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (!url || curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

std::string origin_of(const std::string& text) {
  const Url url = parse_url(text);
  return fmt::format("{}://{}:{}", part_of(url, CURLUPART_SCHEME), part_of(url, CURLUPART_HOST),
                     part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

/// RFC 3986 section 5: a reference as it is meant where `base` was asked for.
std::string resolve(const std::string& base, const std::string& reference) {
  const Url url = parse_url(base);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK) return {};
  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return {};
  return part_of(url, CURLUPART_URL);
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// What a server says about its refusal: the first line, as far as it is text.
std::string said_by(std::string_view body) {
  std::string text;
  for (const char c : trimmed(body).substr(0, 200)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) break;
    text += c;
  }
  return text.starts_with('<') ? std::string() : text;
}

tl::unexpected<Error> refusal(long status, std::string_view body) {
  const std::string said = said_by(body);
  const std::string what =
      fmt::format("the WHIP server refuses with {}{}{}", status, said.empty() ? "" : ": ", said);
  switch (status) {
    case 401:
    case 403:
      return fail(ErrorKind::kInvalidArgument, what, "check the token: whip:URL?token=TOKEN");
    case 404:
    case 405:
    case 410:
    case 415:
      return fail(ErrorKind::kInvalidArgument, what,
                  "check the URL: it has to be that of a WHIP endpoint");
    case 408:
    case 409:
    case 425:
    case 429: return fail(ErrorKind::kRetry, what, "it may have room later");
    default: break;
  }
  if (status >= 400 && status < 500) {
    return fail(ErrorKind::kUnsupported, what,
                "it has to take H.264, constrained baseline, from a sender (WHIP)");
  }
  if (status >= 500) return fail(ErrorKind::kRetry, what, "see the server's own log");
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("the WHIP server answers {} where 201 is expected", status),
              "check the URL: it has to be that of a WHIP endpoint");
}

/// curl_global_init() is not safe beside other threads that use libcurl.
void prepare_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

struct WhipClient::Request {
  const char* method = "POST";
  std::string url;
  std::string body;
  bool cancellable = true;
};

struct WhipClient::Response {
  long status = 0;
  std::string url;  // that answered
  std::string body;
  std::string location;
  std::vector<std::string> links;
  bool too_large = false;

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& response = *static_cast<Response*>(self);
    if (response.body.size() + size > kMostBodyBytes) {
      response.too_large = true;
      return 0;
    }
    response.body.append(data, size);
    return size;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& response = *static_cast<Response*>(self);
    const std::string_view line(data, size);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return size;
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "location") response.location = value;
    if (name == "link" && response.links.size() < kMostLinks) response.links.emplace_back(value);
    return size;
  }

  [[nodiscard]] std::vector<web::IceServer> ice_servers() const {
    std::vector<web::IceServer> servers;
    for (const std::string& link : links) {
      for (web::IceServer& server : ice_servers_in(link)) servers.push_back(std::move(server));
    }
    return servers;
  }
};

Result<void> check_endpoint(const std::string& url) {
  const Url parsed = parse_url(url);
  const std::string scheme = part_of(parsed, CURLUPART_SCHEME);
  if ((scheme == "http" || scheme == "https") && !part_of(parsed, CURLUPART_HOST).empty())
    return {};
  return fail(ErrorKind::kInvalidArgument, "whip: needs the URL of a WHIP endpoint",
              "for example whip:https://sfu.example/whip/live?token=TOKEN");
}

WhipClient::WhipClient(WhipSettings settings)
    : settings_(std::move(settings)), origin_(origin_of(settings_.url)) {
  prepare_curl();
  const Url url = parse_url(settings_.url);
  for (const CURLUPart part :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    if (url) curl_url_set(url.get(), part, nullptr, 0);
  }
  name_ = part_of(url, CURLUPART_URL);
}

std::string WhipClient::loopback_address() const {
  const std::string host = part_of(parse_url(settings_.url), CURLUPART_HOST);
  if (host == "[::1]") return "::1";
  return host == "localhost" || host.starts_with("127.") ? "127.0.0.1" : "";
}

Result<WhipClient::Response> WhipClient::perform(const Request& request) {
  std::string url = request.url;
  for (int i = 0; i <= kMostRedirections; ++i) {
    auto response = perform_once(request, url);
    if (!response || (response->status != 307 && response->status != 308)) return response;
    const std::string next = resolve(url, response->location);
    if (next.empty() || (url.starts_with("https:") && !next.starts_with("https:"))) {
      return fail(ErrorKind::kInvalidArgument, "the WHIP server leads to nowhere, or away from TLS",
                  "check the URL");
    }
    log::area("whip").debug("redirected ({})", response->status);
    url = next;
  }
  return fail(ErrorKind::kInvalidArgument, "the WHIP server leads around in circles",
              "check the URL");
}

Result<WhipClient::Response> WhipClient::perform_once(const Request& request,
                                                      const std::string& url) {
  const Easy easy(curl_easy_init(), curl_easy_cleanup);
  HeaderList headers(nullptr, curl_slist_free_all);
  const auto add_header = [&headers](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  if (!request.body.empty()) add_header("Content-Type: application/sdp");
  add_header("Expect:");  // no waiting for 100 Continue
  if (!settings_.token.empty() && origin_of(url) == origin_) {
    add_header("Authorization: Bearer " + settings_.token);
  }
  Response response{.url = url};
  char reason[CURL_ERROR_SIZE] = {};
  CURL* const c = easy.get();
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request.method);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  if (!request.body.empty()) {
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  }
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &Response::on_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &response);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &Response::on_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &response);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(c, CURLOPT_TIMEOUT, request.cancellable ? kTotalSeconds : kFarewellSeconds);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "lumen");
  if (request.cancellable) {
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(
        c, CURLOPT_XFERINFOFUNCTION,
        +[](void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
          return static_cast<WhipClient*>(self)->cancelled_ ? 1 : 0;
        });
  }
  const CURLcode code = curl_easy_perform(c);
  if (code == CURLE_ABORTED_BY_CALLBACK) return fail(ErrorKind::kCancelled, "the stream has ended");
  if (response.too_large) {
    return fail(ErrorKind::kUnsupported, "the WHIP server's answer is too large", "check the URL");
  }
  if (code != CURLE_OK) {
    return fail(ErrorKind::kRetry,
                fmt::format("{} can't be reached: {}", name_,
                            reason[0] == '\0' ? curl_easy_strerror(code) : reason),
                code == CURLE_PEER_FAILED_VERIFICATION
                    ? "its certificate has to be issued for it by somebody this machine trusts"
                    : "check that the server runs and that the URL is right");
  }
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &response.status);
  return response;
}

std::vector<web::IceServer> WhipClient::ask_for_ice_servers() {
  const auto response = perform({.method = "OPTIONS", .url = settings_.url});
  if (!response || response->status / 100 != 2) return {};
  return response->ice_servers();
}

Result<WhipSession> WhipClient::offer(const std::string& sdp) {
  auto response = perform({.url = settings_.url, .body = sdp});
  if (!response) return tl::unexpected(std::move(response.error()));
  if (response->status != 201) return refusal(response->status, response->body);
  return WhipSession{
      .url = response->location.empty() ? "" : resolve(response->url, response->location),
      .answer = std::move(response->body),
      .ice_servers = response->ice_servers()};
}

void WhipClient::end(const std::string& session_url) {
  if (session_url.empty()) return;
  const auto response = perform({.method = "DELETE", .url = session_url, .cancellable = false});
  if (!response) log::area("whip").debug("the session was not ended: {}", response.error().message);
}

}  // namespace lumen::whip
