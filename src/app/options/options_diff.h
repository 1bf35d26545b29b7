// What differs between two sets of options, and what of that can be changed while streaming. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/options/stream_options.h"

namespace lumen {

struct OptionsDiff {
  std::vector<std::string_view> live;   // by option name: can be changed while streaming
  std::vector<std::string_view> fixed;  // these can't
  std::vector<std::string> sinks_added;
  std::vector<std::string> sinks_removed;

  [[nodiscard]] bool empty() const {
    return live.empty() && fixed.empty() && sinks_added.empty() && sinks_removed.empty();
  }
};

OptionsDiff diff_options(const StreamOptions& before, const StreamOptions& after);

/// Brings to `to` what differs from `before` to `after` and can be changed while streaming, but for
/// the sinks. What else `to` has stays.
void copy_live_changes(const StreamOptions& before, const StreamOptions& after, StreamOptions& to);

}  // namespace lumen
