// Certificate fingerprints as session descriptions carry them (RFC 8122). Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace lumen::web {

/// "sha-256 AB:CD:…" of a certificate in PEM; empty where the text is none.
std::string fingerprint_of(std::string_view pem);

/// The hash's name and the digest, without regard to case (RFC 8122 section 5).
bool same_fingerprint(std::string_view a, std::string_view b);

}  // namespace lumen::web
