// A running host's status for people, from what it tells programs. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace lumen::control {

/// A few lines, each ended. What is missing is left out.
std::string status_view(const nlohmann::ordered_json& status);

}  // namespace lumen::control
