// What --sink whip:… says. A plain value.
#pragma once

#include <optional>
#include <string>

#include "sink/rtp/mirror.h"

namespace lumen {

struct WhipSettings {
  std::string url;    // of the WHIP endpoint, http: or https:
  std::string token;  // sent as a bearer token; empty: none

  std::optional<rtp::MirrorTarget> mirror{};  // of the pictures' packets; absent: none

  friend bool operator==(const WhipSettings&, const WhipSettings&) = default;
};

}  // namespace lumen
