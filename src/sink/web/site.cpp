#include "sink/web/site.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "sink/web/loopback.h"
#include "sink/web/page_file.h"
#include "sink/web/tls_identity.h"

namespace lumen::web {
namespace {

constexpr std::string_view kSdp = "application/sdp";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kSessions = "/whep/";
constexpr std::size_t kMostChoiceBytes = 1024;
constexpr int kCookieSeconds = 30 * 24 * 3600;
constexpr std::string_view kSound = "/sound";

bool reads(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

/// "type/subtype; parameters" without the parameters.
std::string_view media_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type;
}

HttpResponse problem_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument: return problem(400, "Bad Request", error.message, error.hint);
    case ErrorKind::kUnsupported:
      return problem(422, "Unprocessable Content", error.message, error.hint);
    case ErrorKind::kRetry: {
      HttpResponse response = problem(503, "Service Unavailable", error.message, error.hint);
      response.headers.emplace_back("Retry-After", "5");
      return response;
    }
    default: return problem(500, "Internal Server Error", error.message, error.hint);
  }
}

/// "name", "name:port", "[address]:port" without the port and brackets, in lower case.
std::string host_part(std::string_view host) {
  const auto colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string name(host);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

bool is_address(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// RFC 6750 section 2.1; the scheme's case does not count (RFC 9110 section 11.1).
std::string_view bearer_of(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  const bool is_bearer =
      authorization.size() > kScheme.size() &&
      std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme,
                         [](unsigned char a, char b) { return std::tolower(a) == b; });
  return is_bearer ? authorization.substr(kScheme.size()) : std::string_view{};
}

/// RFC 6265 section 5.4: "a=1; b=2".
std::string_view cookie_of(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const auto end = cookies.find(';');
    std::string_view cookie = cookies.substr(0, end);
    cookies = end == std::string_view::npos ? std::string_view{} : cookies.substr(end + 1);
    while (cookie.starts_with(' ')) cookie.remove_prefix(1);
    if (cookie.starts_with(name) && cookie.substr(name.size()).starts_with('=')) {
      return cookie.substr(name.size() + 1);
    }
  }
  return {};
}

/// A page of another origin may not make changes here, whatever the browser lets it send.
bool is_foreign(const HttpRequest& request) {
  if (request.origin.empty() || reads(request)) return false;
  const auto scheme_end = request.origin.find("://");
  return scheme_end == std::string::npos || request.origin.substr(scheme_end + 3) != request.host;
}

HttpResponse wrong_type(std::string_view expected, std::string_view what) {
  HttpResponse response =
      problem(415, "Unsupported Media Type", fmt::format("{} is expected, as {}", what, expected),
              "set the Content-Type");
  response.headers.emplace_back("Accept-Post", expected);
  return response;
}

/// The text under `key` of a small JSON object.
std::optional<std::string> text_in(const std::string& body, const char* key) {
  if (body.size() > kMostChoiceBytes) return std::nullopt;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

HttpResponse no_session() {
  return problem(404, "Not Found", "there is no such session", "it may have ended already");
}

}  // namespace

Site::Site(SiteSettings settings, Audience& audience)
    : settings_(std::move(settings)), audience_(audience) {
  if (settings_.token) guard_.emplace(*settings_.token, settings_.limits);
}

void Site::set_status(std::string json) {
  const std::scoped_lock lock(mutex_);
  status_ = std::move(json);
}

// A browser that was led here by a name of somebody else's says that name, never an address.
bool Site::is_ours(std::string_view host) const {
  const std::string name = host_part(host);
  return is_address(name) || is_named(settings_.names, name);
}

/// RFC 6265bis section 4.1.3.2: browsers take the prefixed one from this host alone, by TLS.
std::string_view Site::cookie_name() const {
  return settings_.encrypted ? "__Host-lumen" : "lumen";
}

HttpResponse Site::respond(const HttpRequest& request) {
  if (!is_ours(request.host)) {
    return problem(421, "Misdirected Request", "this server is not called that",
                   "open the address that lumen-host printed");
  }
  for (const PageFile& file : page_files()) {
    if (file.path != request.path) continue;
    if (!reads(request)) return method_not_allowed("GET, HEAD");
    return {.content_type = std::string(file.content_type), .body = std::string(file.bytes)};
  }
  if (is_foreign(request)) {
    return problem(403, "Forbidden", "a page of another origin asks",
                   "open the address that lumen-host printed");
  }
  if (request.path == "/sign-in" && guard_) return sign_in(request);
  const bool is_session = request.path.starts_with(kSessions);
  if (is_session || request.path == "/whep" || request.path == "/status" ||
      request.path == "/quality" || request.path == "/control") {
    if (auto refusal = refuse({.token = bearer_of(request.authorization),
                               .session = cookie_of(request.cookies, cookie_name())},
                              request)) {
      return *std::move(refusal);
    }
    if (is_session) {
      return session(request, std::string_view(request.path).substr(kSessions.size()));
    }
    if (request.path == "/whep") return whep(request);
    if (request.path == "/quality") return quality(request);
    if (request.path == "/control") return control(request);
    return reads(request) ? status(request) : method_not_allowed("GET, HEAD");
  }
  return problem(404, "Not Found", "there is nothing here", "the page is at /");
}

std::optional<HttpResponse> Site::refuse(const Credentials& credentials,
                                         const HttpRequest& request) {
  if (!guard_) return std::nullopt;
  const Decision decision = guard_->judge(credentials, request.peer, now());
  if (decision.to_report > 0) {
    log::area("web").warn("wrong tokens: {} since this was last said; the newest from {}",
                          decision.to_report, request.peer);
  }
  if (decision.verdict == Verdict::kWelcome) return std::nullopt;
  if (decision.verdict == Verdict::kTooMany) {
    HttpResponse response =
        problem(429, "Too Many Requests", "too many wrong tokens came from here",
                "wait, then use the link that lumen-host printed");
    response.headers.emplace_back("Retry-After", fmt::format("{}", decision.retry_after.count()));
    return response;
  }
  const bool wrong = decision.verdict == Verdict::kWrong;
  HttpResponse response =
      problem(401, "Unauthorized", wrong ? "this is not the token" : "a token is needed",
              "open the link that lumen-host printed, or send Authorization: Bearer TOKEN");
  response.headers.emplace_back("WWW-Authenticate",
                                wrong ? "Bearer error=\"invalid_token\"" : "Bearer");
  return response;
}

HttpResponse Site::sign_in(const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  if (media_type(request.content_type) != kJson) return wrong_type(kJson, "a token");
  const auto token = text_in(request.body, "token");
  if (!token) {
    return problem(400, "Bad Request", "there is no token in it", R"(send {"token": "…"})");
  }
  if (auto refusal = refuse({.token = *token}, request)) return *std::move(refusal);
  return {.status = 204,
          .headers = {
              {"Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}",
                                         cookie_name(), guard_->session(), kCookieSeconds,
                                         settings_.encrypted ? "; Secure" : "")}}};
}

HttpResponse Site::status(const HttpRequest& request) const {
  const std::scoped_lock lock(mutex_);
  HttpResponse response{.content_type = std::string(kJson), .body = status_};
  if (may_control(request) && status_.starts_with(R"({")")) {
    response.body.insert(1, R"("control":true,)");
  }
  return response;
}

// The page's other viewers watch; what the host does is its user's business. A proxy or tunnel on
// this machine would make a neighbour of everybody: most say so, and the others keep the name by
// which they were reached.
bool Site::may_control(const HttpRequest& request) const {
  const std::string name = host_part(request.host);
  return settings_.control && is_loopback(request.peer) && !request.forwarded &&
         (name == "localhost" || is_loopback(name));
}

HttpResponse Site::control(const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  // Browsers name the page that asks (Fetch standard, section 3.2); a forwarded one has another.
  if (!may_control(request) || request.origin.empty()) {
    return problem(403, "Forbidden", "the host is controlled from its own machine only",
                   "use 'lumen-host ctl' there");
  }
  if (media_type(request.content_type) != kJson) return wrong_type(kJson, "a request");
  if (request.body.size() > kMostChoiceBytes) {
    return problem(413, "Content Too Large", "that is no request", R"(send {"method": "stop"})");
  }
  if (auto taken = settings_.control(request.body); !taken) return problem_of(taken.error());
  return {.status = 202};
}

HttpResponse Site::quality(const HttpRequest& request) {
  if (request.method != "POST") return method_not_allowed("POST");
  if (media_type(request.content_type) != kJson) return wrong_type(kJson, "a quality");
  const auto id = text_in(request.body, "quality");
  if (!id) {
    return problem(400, "Bad Request", "there is no quality in it", R"(send {"quality": "ID"})");
  }
  if (!settings_.choose_quality || !settings_.choose_quality(*id)) {
    return problem(404, "Not Found", "there is no such quality", "GET /status lists them");
  }
  log::area("web").info("a viewer at {} has chosen a quality", request.peer);
  return {.status = 204};
}

HttpResponse Site::whep(const HttpRequest& request) {
  constexpr std::string_view kAllowed = "POST, OPTIONS";
  if (request.method == "OPTIONS") {
    return {.status = 204,
            .headers = {{"Allow", std::string(kAllowed)}, {"Accept-Post", std::string(kSdp)}}};
  }
  if (request.method != "POST") return method_not_allowed(kAllowed);
  // No other type: a browser sends this one for a page of another origin only after asking.
  if (media_type(request.content_type) != kSdp) return wrong_type(kSdp, "an offer");
  const auto offer = parse_offer(request.body, settings_.stream);
  if (!offer) return problem_of(offer.error());
  auto admission = audience_.admit(*offer);
  if (!admission) {
    log::area("web").warn("a viewer can't be served: {}", admission.error().describe());
    return problem_of(admission.error());
  }
  return {.status = 201,
          .content_type = std::string(kSdp),
          .body = std::move(admission->answer),
          .headers = {{"Location", std::string(kSessions) + admission->id}}};
}

HttpResponse Site::session(const HttpRequest& request, std::string_view id) {
  if (id.ends_with(kSound)) return sound(request, id.substr(0, id.size() - kSound.size()));
  if (request.method != "DELETE") return method_not_allowed("DELETE");
  if (!audience_.dismiss(id)) return no_session();
  return {.status = 200};
}

HttpResponse Site::sound(const HttpRequest& request, std::string_view id) {
  const bool on = request.method == "PUT";
  if (!on && request.method != "DELETE") return method_not_allowed("PUT, DELETE");
  if (!audience_.listens(id, on)) return no_session();
  return {.status = 204};
}

}  // namespace lumen::web
