// What --sink web:… says. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sink/rtp/mirror.h"
#include "sink/web/stream_kind.h"

namespace lumen {

struct WebSettings {
  std::string address = "127.0.0.1";  // numeric; IPv6 without brackets; 0.0.0.0 and :: are all
  std::uint16_t port = 8000;          // 0: any that is free
  std::uint16_t spare_ports = 0;      // so many more are tried where something listens there
  bool token = false;                 // asked for even where only this machine can reach the page
  std::string token_file;             // empty: one that lumen keeps
  std::string certificate_file;       // PEM, with key_file; both empty: one that lumen makes
  std::string key_file;
  bool show_qr = false;  // the page's URL and its QR code are shown, terminal or not

  web::StreamKind stream{};                   // that is to be sent
  std::optional<rtp::MirrorTarget> mirror{};  // of the packets that all viewers share; absent: none

  friend bool operator==(const WebSettings&, const WebSettings&) = default;
};

}  // namespace lumen
