// The certificate that the page is served with: given, or made by lumen for itself. Any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace lumen::web {

struct TlsIdentity {
  std::string certificate;         // PEM; the server's own first, then what it was issued by
  std::string key;                 // PEM
  std::string fingerprint;         // SHA-256 of the first certificate, "AB:CD:…"
  std::vector<std::string> names;  // DNS names in it, lower case, may begin with "*."
};

/// Who a certificate is for.
struct TlsSubject {
  std::vector<std::string> names;      // DNS names; the first is the common name too
  std::vector<std::string> addresses;  // numeric
};

/// The user's files. kInvalidArgument, kNotFound: with what is wrong with them.
Result<TlsIdentity> load_identity(const std::filesystem::path& certificate,
                                  const std::filesystem::path& key);

/// ECDSA on P-256, signed by itself, for a year; kept in web-cert.pem and web-key.pem of `folder`.
/// Made anew where it ends within 30 days of `now` or lacks a name or address of the subject.
Result<TlsIdentity> keep_identity(
    const std::filesystem::path& folder, const TlsSubject& subject,
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

/// True for a name of the list, in which "*.example.org" stands for one more label (RFC 6125
/// section 6.4.3). `name` is in lower case.
bool is_named(const std::vector<std::string>& names, std::string_view name);

}  // namespace lumen::web
