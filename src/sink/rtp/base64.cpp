#include "sink/rtp/base64.h"

#include <string_view>

namespace lumen::rtp {

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = bytes.size() - i;
    const std::uint32_t word = std::uint32_t{bytes[i]} << 16 |
                               (have > 1 ? std::uint32_t{bytes[i + 1]} << 8 : 0U) |
                               (have > 2 ? std::uint32_t{bytes[i + 2]} : 0U);
    text += kAlphabet[word >> 18 & 63];
    text += kAlphabet[word >> 12 & 63];
    text += have > 1 ? kAlphabet[word >> 6 & 63] : '=';
    text += have > 2 ? kAlphabet[word & 63] : '=';
  }
  return text;
}

}  // namespace lumen::rtp
