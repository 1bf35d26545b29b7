#include "sink/web/site.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "sink/web/page_file.h"

namespace lumen::web {
namespace {

constexpr std::string_view kSdp = "application/sdp";
constexpr std::string_view kSessions = "/whep/";

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

}  // namespace

Site::Site(std::vector<std::string> hosts, Audience& audience)
    : hosts_(std::move(hosts)), audience_(audience) {}

void Site::set_status(std::string json) {
  const std::scoped_lock lock(mutex_);
  status_ = std::move(json);
}

bool Site::is_ours(std::string_view host) const {
  // "name", "name:port", "[address]:port"
  const auto colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    host = host.substr(0, colon);
  }
  return std::ranges::find(hosts_, host) != hosts_.end();
}

HttpResponse Site::respond(const HttpRequest& request) {
  if (!is_ours(request.host)) {
    return problem(421, "Misdirected Request", "this server is not called that",
                   "open the address that lumen-host printed");
  }
  if (request.path == "/whep") return whep(request);
  if (request.path.starts_with(kSessions)) {
    return session(request, std::string_view(request.path).substr(kSessions.size()));
  }
  if (request.path == "/status") return reads(request) ? status() : method_not_allowed("GET, HEAD");
  for (const PageFile& file : page_files()) {
    if (file.path != request.path) continue;
    if (!reads(request)) return method_not_allowed("GET, HEAD");
    return {.content_type = std::string(file.content_type), .body = std::string(file.bytes)};
  }
  return problem(404, "Not Found", "there is nothing here", "the page is at /");
}

HttpResponse Site::status() const {
  const std::scoped_lock lock(mutex_);
  return {.content_type = "application/json", .body = status_};
}

HttpResponse Site::whep(const HttpRequest& request) {
  constexpr std::string_view kAllowed = "POST, OPTIONS";
  if (request.method == "OPTIONS") {
    return {.status = 204,
            .headers = {{"Allow", std::string(kAllowed)}, {"Accept-Post", std::string(kSdp)}}};
  }
  if (request.method != "POST") return method_not_allowed(kAllowed);
  // No other type: a browser sends this one for a page of another origin only after asking.
  if (media_type(request.content_type) != kSdp) {
    HttpResponse response =
        problem(415, "Unsupported Media Type", "an offer is expected, as application/sdp",
                "set the Content-Type");
    response.headers.emplace_back("Accept-Post", kSdp);
    return response;
  }
  const auto offer = parse_offer(request.body);
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
  if (request.method != "DELETE") return method_not_allowed("DELETE");
  if (!audience_.dismiss(id)) {
    return problem(404, "Not Found", "there is no such session", "it may have ended already");
  }
  return {.status = 200};
}

}  // namespace lumen::web
