// What is served: the page, the status, and WHEP (draft-ietf-wish-whep): POST /whep with an offer,
// DELETE of the session that its Location names. Any thread.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sink/web/audience.h"
#include "sink/web/http.h"

namespace lumen::web {

class Site {
 public:
  /// `hosts` are the names that a Host header may have, port aside: a page of another name that was
  /// pointed at this address (DNS rebinding) gets nothing. `audience` must outlive the site.
  Site(std::vector<std::string> hosts, Audience& audience);

  [[nodiscard]] HttpResponse respond(const HttpRequest& request);

  /// What GET /status says from now on: a JSON object.
  void set_status(std::string json);

 private:
  [[nodiscard]] bool is_ours(std::string_view host) const;
  [[nodiscard]] HttpResponse status() const;
  [[nodiscard]] HttpResponse whep(const HttpRequest& request);
  [[nodiscard]] HttpResponse session(const HttpRequest& request, std::string_view id);

  const std::vector<std::string> hosts_;
  Audience& audience_;
  mutable std::mutex mutex_;
  std::string status_ = R"({"state":"connecting"})";
};

}  // namespace lumen::web
