// The probe's facts travel as JSON: from the child processes, into the report, to scripts.
#pragma once

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace lumen::probe {

using Json = nlohmann::ordered_json;

/// {"ok": false, "reason": …, "hint": …, "code": …}: what a section answers that could not do its
/// work.
inline Json failed(const Error& error) {
  Json answer = {{"ok", false}, {"reason", error.message}};
  if (!error.hint.empty()) answer["hint"] = error.hint;
  if (!error.domain.empty()) answer["code"] = error.code;
  return answer;
}

/// The string at `key`, or empty.
inline std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The truth at `key`; false where there is none.
inline bool flag_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

/// The value at `key`, or null: an empty list for a loop.
inline const Json& at(const Json& object, const char* key) {
  static const Json kNothing;
  const auto found = object.find(key);
  return found != object.end() ? *found : kNothing;
}

}  // namespace lumen::probe
