// The report of `lumen-host encoders` for people.
#pragma once

#include <string>

#include "app/probe/json.h"
#include "app/probe/report_text.h"

namespace lumen::probe {

/// Ends with what `--encoder auto` takes for each codec, and what would make it better.
std::string encoders_text(const Json& report, TextStyle style);

}  // namespace lumen::probe
