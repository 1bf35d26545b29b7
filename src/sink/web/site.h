// What is served: the page; the status; WHEP (draft-ietf-wish-whep): POST /whep with an offer,
// DELETE of the session that its Location names, PUT and DELETE of LOCATION/sound, which tell
// whether the viewer hears the sound; POST /quality with the viewer's choice; POST /control from
// this machine alone, with a request for the host; and, where there is a token, POST /sign-in,
// which gives a cookie for it. Any thread.
//
// With a token everything but the page's own files needs it: "Authorization: Bearer TOKEN"
// (RFC 6750) or the cookie.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sink/web/audience.h"
#include "sink/web/http.h"
#include "sink/web/token_guard.h"

namespace lumen::web {

struct SiteSettings {
  /// Lower-case names that a Host header may have besides numeric addresses: a page of another name
  /// that was pointed at this address (DNS rebinding) gets nothing.
  std::vector<std::string> names = {"localhost"};
  std::optional<std::string> token;  // none: whoever reaches the site may watch
  bool encrypted = false;            // it is served by TLS
  StreamKind stream;                 // that is to be sent
  GuardLimits limits;
  /// False: there is no such quality. May be empty.
  std::function<bool(std::string_view id)> choose_quality;
  /// Of people on this machine. Errors say what is wrong with it. May be empty.
  std::function<Result<void>(std::string_view request)> control;
};

class Site {
 public:
  /// `audience` must outlive the site.
  Site(SiteSettings settings, Audience& audience);

  [[nodiscard]] HttpResponse respond(const HttpRequest& request);

  /// What GET /status says from now on: a JSON object.
  void set_status(std::string json);

 private:
  [[nodiscard]] bool is_ours(std::string_view host) const;
  [[nodiscard]] std::string_view cookie_name() const;
  /// What to answer to who may not; none: welcome.
  [[nodiscard]] std::optional<HttpResponse> refuse(const Credentials& credentials,
                                                   const HttpRequest& request);
  [[nodiscard]] HttpResponse sign_in(const HttpRequest& request);
  [[nodiscard]] HttpResponse status(const HttpRequest& request) const;
  [[nodiscard]] bool may_control(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse control(const HttpRequest& request);
  [[nodiscard]] HttpResponse quality(const HttpRequest& request);
  [[nodiscard]] HttpResponse whep(const HttpRequest& request);
  [[nodiscard]] HttpResponse session(const HttpRequest& request, std::string_view id);
  [[nodiscard]] HttpResponse sound(const HttpRequest& request, std::string_view id);

  const SiteSettings settings_;
  Audience& audience_;
  std::optional<TokenGuard> guard_;
  mutable std::mutex mutex_;
  std::string status_ = R"({"state":"connecting"})";
};

}  // namespace lumen::web
