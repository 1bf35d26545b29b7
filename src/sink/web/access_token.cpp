#include "sink/web/access_token.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <span>

#include <fmt/format.h>

#include "platform/linux/private_files.h"

namespace lumen::web {
namespace {

std::string base64url(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned held = 0;
  unsigned bits = 0;
  for (const std::uint8_t byte : bytes) {
    held = (held << 8U | byte) & 0xffffU;
    for (bits += 8; bits >= 6; bits -= 6) text += kAlphabet[held >> (bits - 6) & 0x3fU];
  }
  if (bits > 0) text += kAlphabet[held << (6 - bits) & 0x3fU];
  return text;
}

bool is_access_token(std::string_view text) {
  return text.size() >= kLeastTokenSize && text.size() <= kMostTokenSize &&
         std::ranges::all_of(
             text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

}  // namespace

std::string make_token() {
  std::array<std::uint8_t, 24> bytes{};
  // It fails only where the kernel has no random numbers: nothing may go on then.
  if (gnutls_rnd(GNUTLS_RND_KEY, bytes.data(), bytes.size()) < 0) std::abort();
  return base64url(bytes);
}

Result<std::string> read_token(const std::filesystem::path& file) {
  auto text = read_secret(file, 1024);
  if (!text) return text;
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back())) != 0) {
    text->pop_back();
  }
  if (is_access_token(*text)) return text;
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("{} holds no token: {} to {} letters, digits, - and _ are expected",
                          file.string(), kLeastTokenSize, kMostTokenSize),
              fmt::format("make one: (umask 77; openssl rand -hex 16 > {})", file.string()));
}

Result<std::string> keep_token(const std::filesystem::path& file) {
  auto kept = read_token(file);
  if (kept || kept.error().kind != ErrorKind::kNotFound) return kept;
  std::string token = make_token();
  if (auto written = write_secret(file, token + "\n"); !written) {
    return tl::unexpected(std::move(written.error()));
  }
  return token;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && gnutls_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string session_secret(std::string_view token) {
  constexpr std::string_view kPurpose = "lumen web session 1";
  std::array<std::uint8_t, 32> digest{};
  if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, token.data(), token.size(), kPurpose.data(),
                       kPurpose.size(), digest.data()) < 0) {
    std::abort();
  }
  return base64url(digest);
}

}  // namespace lumen::web
