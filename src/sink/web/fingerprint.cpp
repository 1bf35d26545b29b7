#include "sink/web/fingerprint.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <glib.h>

namespace lumen::web {
namespace {

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
constexpr gsize kDigestBytes = 32;

}  // namespace

std::string fingerprint_of(std::string_view pem) {
  const auto begin = pem.find(kBegin);
  const auto end = pem.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos ||
      end < begin + kBegin.size())
    return {};
  const std::string base64(pem.substr(begin + kBegin.size(), end - begin - kBegin.size()));
  gsize size = 0;
  const std::unique_ptr<guchar, decltype(&g_free)> der(g_base64_decode(base64.c_str(), &size),
                                                       g_free);
  if (size == 0) return {};
  const std::unique_ptr<GChecksum, decltype(&g_checksum_free)> sum(
      g_checksum_new(G_CHECKSUM_SHA256), g_checksum_free);
  g_checksum_update(sum.get(), der.get(), static_cast<gssize>(size));
  std::array<guint8, kDigestBytes> digest{};
  gsize digest_bytes = digest.size();
  g_checksum_get_digest(sum.get(), digest.data(), &digest_bytes);
  std::string text = "sha-256 ";
  for (std::size_t i = 0; i < digest.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}{:02X}", i == 0 ? "" : ":", digest[i]);
  }
  return text;
}

bool same_fingerprint(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::toupper(x) == std::toupper(y); });
}

}  // namespace lumen::web
