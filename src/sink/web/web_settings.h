// What --sink web:… says. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sink/rtp/mirror.h"

namespace lumen {

struct WebSettings {
  std::string address = "127.0.0.1";  // numeric; IPv6 without brackets
  std::uint16_t port = 8000;          // 0: any that is free

  std::optional<rtp::MirrorTarget> mirror{};  // of the packets that all viewers share; absent: none

  friend bool operator==(const WebSettings&, const WebSettings&) = default;
};

}  // namespace lumen
