#include "sink/web/qr_code.h"

#include <qrencode.h>

#include <memory>

namespace lumen::web {
namespace {

constexpr int kQuiet = 2;  // modules; the standard's four make it too wide for small windows

using Code = std::unique_ptr<QRcode, decltype(&QRcode_free)>;

bool is_light(const QRcode& code, int x, int y) {
  if (x < 0 || y < 0 || x >= code.width || y >= code.width) return true;
  return (code.data[y * code.width + x] & 1) == 0;
}

}  // namespace

std::string qr_code(std::string_view text, QrColor color) {
  const Code code(QRcode_encodeString8bit(std::string(text).c_str(), 0, QR_ECLEVEL_L), QRcode_free);
  if (!code) return {};
  std::string picture;
  for (int y = -kQuiet; y < code->width + kQuiet; y += 2) {
    if (color == QrColor::kAnsi) picture += "\x1b[38;5;231;48;5;16m";
    for (int x = -kQuiet; x < code->width + kQuiet; ++x) {
      const bool upper = is_light(*code, x, y);
      const bool lower = y + 1 < code->width + kQuiet && is_light(*code, x, y + 1);
      picture += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    if (color == QrColor::kAnsi) picture += "\x1b[0m";
    picture += '\n';
  }
  return picture;
}

}  // namespace lumen::web
