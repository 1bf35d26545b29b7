// Errors as values. An Error says what the caller can do (kind), what happened (message), what the
// user can do about it (hint) and where it came from (domain, native code, source location).
// It gains context on the way up and is logged once, where the decision is made.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace lumen {

enum class ErrorKind {
  kInvalidArgument,  // the request itself is wrong; asking again changes nothing
  kNotFound,         // the named thing does not exist (now)
  kUnsupported,      // this machine or build can't do it; step down the ladder
  kFormatRejected,   // this format or modifier can't be taken; negotiate another
  kRetry,            // passing condition; the same call may succeed later
  kDeviceLost,       // the daemon, device or peer is gone; rebuild
  kCancelled,        // somebody asked to stop
  kIo,               // the operating system refused a read, write or allocation
};

std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string message;    // one line, no trailing full stop
  std::string hint;       // what the user can do; may be empty
  std::string domain;     // "errno", "ffmpeg", "pipewire"; empty when the code means nothing
  std::int64_t code = 0;  // native code in that domain
  std::source_location where = std::source_location::current();

  /// "context: message (hint)" for people.
  [[nodiscard]] std::string describe() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] tl::unexpected<Error> fail(
    ErrorKind kind, std::string message, std::string hint = {},
    std::source_location where = std::source_location::current());

/// An error from errno (or a positive errno-like code).
[[nodiscard]] tl::unexpected<Error> fail_errno(
    ErrorKind kind, std::string_view what, int errno_code, std::string hint = {},
    std::source_location where = std::source_location::current());

/// Passes an error on with "context: " before its message.
[[nodiscard]] tl::unexpected<Error> with_context(std::string_view context, Error error);

}  // namespace lumen
