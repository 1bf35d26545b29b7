// A QR code (ISO/IEC 18004) in a terminal. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lumen::web {

enum class QrColor : std::uint8_t {
  kNone,  // light modules are the terminal's text colour: right where the background is dark
  kAnsi,  // black on white whatever the terminal's colours are
};

/// Lines of half blocks, two modules high each, with the quiet zone that scanners need; empty where
/// the text is too long.
std::string qr_code(std::string_view text, QrColor color);

}  // namespace lumen::web
