#include "core/error.h"

#include <system_error>

namespace lumen {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "invalid argument";
    case ErrorKind::kNotFound: return "not found";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kFormatRejected: return "format rejected";
    case ErrorKind::kRetry: return "try again";
    case ErrorKind::kDeviceLost: return "device lost";
    case ErrorKind::kCancelled: return "cancelled";
    case ErrorKind::kIo: return "I/O error";
  }
  return "unknown";
}

std::string Error::describe() const { return hint.empty() ? message : message + " (" + hint + ")"; }

tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string hint,
                           std::source_location where) {
  Error error;
  error.kind = kind;
  error.message = std::move(message);
  error.hint = std::move(hint);
  error.where = where;
  return tl::unexpected<Error>(std::move(error));
}

tl::unexpected<Error> fail_errno(ErrorKind kind, std::string_view what, int errno_code,
                                 std::string hint, std::source_location where) {
  Error error;
  error.kind = kind;
  error.message = std::string(what) + ": " + std::generic_category().message(errno_code);
  error.hint = std::move(hint);
  error.domain = "errno";
  error.code = errno_code;
  error.where = where;
  return tl::unexpected<Error>(std::move(error));
}

tl::unexpected<Error> with_context(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace lumen
