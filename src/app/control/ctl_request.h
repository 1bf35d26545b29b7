// `lumen-host ctl WORD…` as a request. Pure.
#pragma once

#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace lumen::control {

/// kInvalidArgument with an example otherwise. Values are looked at here already.
Result<nlohmann::ordered_json> ctl_request(std::span<const std::string> words);

}  // namespace lumen::control
