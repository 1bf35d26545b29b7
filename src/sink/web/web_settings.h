// What --sink web:… says. A plain value.
#pragma once

#include <cstdint>
#include <string>

namespace lumen {

struct WebSettings {
  std::string address = "127.0.0.1";  // numeric; IPv6 without brackets
  std::uint16_t port = 8000;          // 0: any that is free

  friend bool operator==(const WebSettings&, const WebSettings&) = default;
};

}  // namespace lumen
