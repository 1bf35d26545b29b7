#include "capture/session/cast_target.h"

namespace lumen::session {

std::string list_names(const std::vector<OutputInfo>& outputs) {
  std::string text;
  for (const OutputInfo& output : outputs) {
    text += (text.empty() ? "there is " : ", ") + output.name;
  }
  return text;
}

}  // namespace lumen::session
