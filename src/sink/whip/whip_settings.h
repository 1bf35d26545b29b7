// What --sink whip:… says. A plain value.
#pragma once

#include <string>

namespace lumen {

struct WhipSettings {
  std::string url;    // of the WHIP endpoint, http: or https:
  std::string token;  // sent as a bearer token; empty: none

  friend bool operator==(const WhipSettings&, const WhipSettings&) = default;
};

}  // namespace lumen
