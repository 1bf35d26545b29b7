// The probe's report for people: sections of aligned rows, 100 columns at most, the sentence last.
#pragma once

#include <string>

#include "app/probe/json.h"

namespace lumen::probe {

struct TextStyle {
  bool symbols = false;  // ✓ and ✗ instead of yes and no
  bool colors = false;   // ANSI escape sequences
};

/// For standard output as it is: symbols on a UTF-8 terminal, colours on one without NO_COLOR.
TextStyle style_of_stdout();

std::string report_text(const Json& report, TextStyle style);

}  // namespace lumen::probe
