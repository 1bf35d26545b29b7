// The secret that lets viewers of other machines in. Any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"

namespace lumen::web {

/// As long as 128 random bits are in base64url (RFC 4648 section 5).
inline constexpr std::size_t kLeastTokenSize = 22;
inline constexpr std::size_t kMostTokenSize = 128;

/// 192 random bits in base64url: 32 characters that need no escaping in a URL.
std::string make_token();

/// The token in a file of the user's (one line). kInvalidArgument: too short, characters other than
/// base64url's, or others may read the file.
Result<std::string> read_token(const std::filesystem::path& file);

/// The token in the file; made and written there the first time.
Result<std::string> keep_token(const std::filesystem::path& file);

/// Takes as long whatever differs; only the length shows.
bool same_secret(std::string_view a, std::string_view b);

/// What a browser gets in exchange for the token: HMAC-SHA256 under it, so that it outlives the
/// host's restarts, ends with the token, and does not tell it.
std::string session_secret(std::string_view token);

}  // namespace lumen::web
