// Putting an option's values into the options.
#pragma once

#include <string>
#include <vector>

#include "app/options/stream_option_table.h"

namespace lumen {

/// In order; many-valued options replace what an earlier layer put there. Without values nothing
/// happens.
inline Result<void> apply_option(const StreamOption& option, const std::vector<std::string>& values,
                                 StreamOptions& options) {
  if (option.apply == nullptr || values.empty()) return {};
  if (option.arity != OptionArity::kMany) return option.apply(values.back(), options);
  options.sinks.clear();
  for (const std::string& value : values) {
    if (auto done = option.apply(value, options); !done) return done;
  }
  return {};
}

}  // namespace lumen
