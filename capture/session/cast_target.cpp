#include "capture/session/cast_target.h"

#include <utility>

namespace lumen::session {

tl::unexpected<Error> no_such_output(std::string message, const std::vector<OutputInfo>& outputs,
                                     AbsentSource absent) {
  std::string names;
  for (const OutputInfo& output : outputs) {
    names += (names.empty() ? "there is " : ", ") + output.name;
  }
  return fail(
      absent == AbsentSource::kIsAwaited ? ErrorKind::kNotFound : ErrorKind::kInvalidArgument,
      std::move(message), std::move(names));
}

}  // namespace lumen::session
