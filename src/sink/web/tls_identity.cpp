#include "sink/web/tls_identity.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "platform/linux/private_files.h"

namespace lumen::web {
namespace {

using std::chrono::system_clock;

constexpr std::chrono::hours kLife{365 * 24};
constexpr std::chrono::hours kRenewal{30 * 24};
constexpr std::size_t kMaxPemBytes = 256 * 1024;

template <auto kRelease>
struct Deinit {
  template <typename T>
  void operator()(T* object) const {
    kRelease(object);
  }
};
using Certificate =
    std::unique_ptr<std::remove_pointer_t<gnutls_x509_crt_t>, Deinit<gnutls_x509_crt_deinit>>;
using Key = std::unique_ptr<std::remove_pointer_t<gnutls_x509_privkey_t>,
                            Deinit<gnutls_x509_privkey_deinit>>;

gnutls_datum_t datum(std::string& text) {
  return {reinterpret_cast<unsigned char*>(text.data()), static_cast<unsigned>(text.size())};
}

tl::unexpected<Error> broken(std::string_view what, int code) {
  return fail(ErrorKind::kIo, fmt::format("TLS: {}: {}", what, gnutls_strerror(code)));
}

Certificate new_certificate() {
  gnutls_x509_crt_t made = nullptr;
  if (gnutls_x509_crt_init(&made) < 0) return nullptr;
  return Certificate(made);
}

Key new_key() {
  gnutls_x509_privkey_t made = nullptr;
  if (gnutls_x509_privkey_init(&made) < 0) return nullptr;
  return Key(made);
}

/// The first certificate of a PEM text.
Certificate parse_certificate(std::string text) {
  Certificate certificate = new_certificate();
  const gnutls_datum_t data = datum(text);
  if (!certificate || gnutls_x509_crt_import(certificate.get(), &data, GNUTLS_X509_FMT_PEM) < 0) {
    return nullptr;
  }
  return certificate;
}

Key parse_key(std::string text) {
  Key key = new_key();
  const gnutls_datum_t data = datum(text);
  if (!key || gnutls_x509_privkey_import2(key.get(), &data, GNUTLS_X509_FMT_PEM, nullptr, 0) < 0) {
    return nullptr;
  }
  return key;
}

using KeyId = std::array<unsigned char, 64>;

bool belong_together(const Certificate& certificate, const Key& key) {
  KeyId of_certificate{};
  KeyId of_key{};
  std::size_t size = of_certificate.size();
  std::size_t key_size = of_key.size();
  return gnutls_x509_crt_get_key_id(certificate.get(), GNUTLS_KEYID_USE_SHA256,
                                    of_certificate.data(), &size) == 0 &&
         gnutls_x509_privkey_get_key_id(key.get(), GNUTLS_KEYID_USE_SHA256, of_key.data(),
                                        &key_size) == 0 &&
         size == key_size && of_certificate == of_key;
}

std::string fingerprint_of(const Certificate& certificate) {
  std::array<unsigned char, 32> digest{};
  std::size_t size = digest.size();
  if (gnutls_x509_crt_get_fingerprint(certificate.get(), GNUTLS_DIG_SHA256, digest.data(), &size) <
      0) {
    return {};
  }
  return fmt::format("{:02X}", fmt::join(digest, ":"));
}

/// Its subjectAltNames (RFC 5280 section 4.2.1.6).
TlsSubject subject_of(const Certificate& certificate) {
  TlsSubject subject;
  for (unsigned i = 0;; ++i) {
    std::array<char, 256> value{};
    std::size_t size = value.size();
    const int type =
        gnutls_x509_crt_get_subject_alt_name(certificate.get(), i, value.data(), &size, nullptr);
    if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return subject;
    if (type == GNUTLS_SAN_DNSNAME) {
      std::string name(value.data(), std::min(size, value.size()));
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      subject.names.push_back(std::move(name));
    } else if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16)) {
      char text[INET6_ADDRSTRLEN] = {};
      ::inet_ntop(size == 4 ? AF_INET : AF_INET6, value.data(), text, sizeof text);
      subject.addresses.emplace_back(text);
    } else if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER) {
      return subject;
    }
  }
}

bool covers(const TlsSubject& have, const TlsSubject& wanted) {
  const auto has = [](const std::vector<std::string>& list, const std::string& entry) {
    return std::ranges::find(list, entry) != list.end();
  };
  return std::ranges::all_of(wanted.names, [&](const auto& n) { return has(have.names, n); }) &&
         std::ranges::all_of(wanted.addresses,
                             [&](const auto& a) { return has(have.addresses, a); });
}

/// The PEM texts of a certificate that can be parsed.
TlsIdentity identity_of(std::string pem, std::string key) {
  const Certificate certificate = parse_certificate(pem);
  return {.certificate = std::move(pem),
          .key = std::move(key),
          .fingerprint = fingerprint_of(certificate),
          .names = subject_of(certificate).names};
}

/// The one that was made before, where it still serves.
std::optional<TlsIdentity> kept(const std::filesystem::path& certificate_file,
                                const std::filesystem::path& key_file, const TlsSubject& subject,
                                system_clock::time_point now) {
  auto pem = read_secret(certificate_file, kMaxPemBytes);
  auto key_pem = read_secret(key_file, kMaxPemBytes);
  if (!pem || !key_pem) return std::nullopt;
  const Certificate certificate = parse_certificate(*pem);
  const Key key = parse_key(*key_pem);
  if (!certificate || !key || !belong_together(certificate, key) ||
      !covers(subject_of(certificate), subject)) {
    return std::nullopt;
  }
  const std::time_t ends = gnutls_x509_crt_get_expiration_time(certificate.get());
  const std::time_t begins = gnutls_x509_crt_get_activation_time(certificate.get());
  if (begins > system_clock::to_time_t(now) || ends < system_clock::to_time_t(now + kRenewal)) {
    return std::nullopt;
  }
  return identity_of(std::move(*pem), std::move(*key_pem));
}

template <typename Object>
Result<std::string> pem_of(Object object,
                           int (*write)(Object, gnutls_x509_crt_fmt_t, gnutls_datum_t*)) {
  gnutls_datum_t text{};
  if (const int code = write(object, GNUTLS_X509_FMT_PEM, &text); code < 0) {
    return broken("a certificate can't be written", code);
  }
  std::string pem(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  return pem;
}

int add_subject(gnutls_x509_crt_t certificate, const TlsSubject& subject) {
  const std::string common = subject.names.empty() ? "lumen" : subject.names.front();
  int code = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                           common.data(), static_cast<unsigned>(common.size()));
  for (const std::string& name : subject.names) {
    if (code < 0) return code;
    code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name.data(),
                                                static_cast<unsigned>(name.size()),
                                                GNUTLS_FSAN_APPEND);
  }
  for (const std::string& address : subject.addresses) {
    if (code < 0) return code;
    std::array<unsigned char, 16> bytes{};
    const bool v6 = ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
    if (!v6 && ::inet_pton(AF_INET, address.c_str(), bytes.data()) != 1) continue;
    code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, bytes.data(),
                                                v6 ? 16 : 4, GNUTLS_FSAN_APPEND);
  }
  return code;
}

Result<Certificate> sign(const Key& key, const TlsSubject& subject, system_clock::time_point now) {
  Certificate made = new_certificate();
  std::array<unsigned char, 16> serial{};
  gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size());
  serial[0] &= 0x7f;  // positive (RFC 5280 section 4.1.2.2)
  serial[0] |= 0x40;
  gnutls_x509_crt_t c = made.get();
  // An hour early: other machines' clocks differ.
  const std::time_t begins = system_clock::to_time_t(now - std::chrono::hours{1});
  const std::time_t ends = system_clock::to_time_t(now + kLife);
  for (const int code : {gnutls_x509_crt_set_version(c, 3),
                         gnutls_x509_crt_set_serial(c, serial.data(), serial.size()),
                         gnutls_x509_crt_set_activation_time(c, begins),
                         gnutls_x509_crt_set_expiration_time(c, ends), add_subject(c, subject),
                         gnutls_x509_crt_set_basic_constraints(c, 0, -1),
                         gnutls_x509_crt_set_key_usage(c, GNUTLS_KEY_DIGITAL_SIGNATURE),
                         gnutls_x509_crt_set_key_purpose_oid(c, GNUTLS_KP_TLS_WWW_SERVER, 0),
                         gnutls_x509_crt_set_key(c, key.get()),
                         gnutls_x509_crt_sign2(c, c, key.get(), GNUTLS_DIG_SHA256, 0)}) {
    if (code < 0) return broken("a certificate can't be made", code);
  }
  return made;
}

}  // namespace

Result<TlsIdentity> load_identity(const std::filesystem::path& certificate_file,
                                  const std::filesystem::path& key_file) {
  auto pem = read_small_file(certificate_file, kMaxPemBytes);
  if (!pem) return tl::unexpected(std::move(pem.error()));
  auto key_pem = read_secret(key_file, kMaxPemBytes);
  if (!key_pem) return tl::unexpected(std::move(key_pem.error()));
  const Certificate certificate = parse_certificate(*pem);
  if (!certificate) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} holds no certificate", certificate_file.string()),
                "a PEM file is expected, with -----BEGIN CERTIFICATE-----");
  }
  const Key key = parse_key(*key_pem);
  if (!key) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} holds no private key", key_file.string()),
                "a PEM file without a password is expected, with -----BEGIN PRIVATE KEY-----");
  }
  if (!belong_together(certificate, key)) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("the key in {} is not that of {}", key_file.string(),
                            certificate_file.string()),
                "the server's own certificate comes first in its file");
  }
  return identity_of(std::move(*pem), std::move(*key_pem));
}

Result<TlsIdentity> keep_identity(const std::filesystem::path& folder, const TlsSubject& subject,
                                  system_clock::time_point now) {
  const auto certificate_file = folder / "web-cert.pem";
  const auto key_file = folder / "web-key.pem";
  if (auto identity = kept(certificate_file, key_file, subject, now)) return *std::move(identity);

  const Key key = new_key();
  const int code = gnutls_x509_privkey_generate(
      key.get(), GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (code < 0) return broken("a key can't be made", code);
  const auto certificate = sign(key, subject, now);
  if (!certificate) return tl::unexpected(certificate.error());
  auto pem = pem_of(certificate->get(), &gnutls_x509_crt_export2);
  if (!pem) return tl::unexpected(std::move(pem.error()));
  auto key_pem = pem_of(key.get(), &gnutls_x509_privkey_export2);
  if (!key_pem) return tl::unexpected(std::move(key_pem.error()));
  for (const auto& [file, text] : {std::pair{&key_file, &*key_pem}, {&certificate_file, &*pem}}) {
    if (auto written = write_secret(*file, *text); !written) {
      return tl::unexpected(std::move(written.error()));
    }
  }
  return identity_of(std::move(*pem), std::move(*key_pem));
}

bool is_named(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [name](std::string_view known) {
    if (!known.starts_with("*.")) return known == name;
    const auto dot = name.find('.');
    return dot != std::string_view::npos && dot > 0 && name.substr(dot) == known.substr(1);
  });
}

}  // namespace lumen::web
