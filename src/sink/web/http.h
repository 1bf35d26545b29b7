// Requests and responses as values, apart from whatever carries them. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lumen::web {

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // "/whep", without query
  std::string host;    // the Host header; this and the next four may be empty
  std::string origin;  // the Origin header
  std::string content_type;
  std::string authorization;
  std::string cookies;
  std::string peer;        // whose request it is: a numeric address
  bool forwarded = false;  // a proxy says that it is somebody else's (RFC 7239, X-Forwarded-For)
  std::string body;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  unsigned status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  HttpHeaders headers;  // besides those that every response has
};

/// An error for people and programs: RFC 9457 with the member "hint", which says what to do.
HttpResponse problem(unsigned status, std::string_view title, std::string_view detail,
                     std::string_view hint);

/// 405 with what is allowed instead.
HttpResponse method_not_allowed(std::string_view allowed);

}  // namespace lumen::web
