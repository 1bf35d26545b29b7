#include "sink/web/http.h"

#include <nlohmann/json.hpp>

namespace lumen::web {

HttpResponse problem(unsigned status, std::string_view title, std::string_view detail,
                     std::string_view hint) {
  using Json = nlohmann::ordered_json;
  const Json json = {{"title", title}, {"status", status}, {"detail", detail}, {"hint", hint}};
  return {.status = status,
          .content_type = "application/problem+json",
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

HttpResponse method_not_allowed(std::string_view allowed) {
  HttpResponse response =
      problem(405, "Method Not Allowed", "this can't be done here", "use " + std::string(allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace lumen::web
