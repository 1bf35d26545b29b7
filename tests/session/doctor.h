// What `lumen-host doctor` says in a private session.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "harness/private_session.h"

namespace lumen::session {

/// The first finding of this area whose text has these words; an empty object where there is none.
inline nlohmann::json doctor_finding(PrivateSession& session, const std::string& area,
                                     const std::string& words = "") {
  constexpr Milliseconds kPatience{60000};
  auto process = session.spawn({LUMEN_HOST_BINARY, "doctor", "--json"}, StandardOutput::kPipe);
  if (!process) return nlohmann::json::object();
  const auto report =
      nlohmann::json::parse(process->read_all(kPatience).value_or(""), nullptr, false);
  if (!report.is_object()) return nlohmann::json::object();
  for (const nlohmann::json& one : report.at("findings")) {
    const bool says = one.at("text").get<std::string>().find(words) != std::string::npos;
    if (one.at("area") == area && says) return one;
  }
  return nlohmann::json::object();
}

}  // namespace lumen::session
