#include "app/service/reload.h"

#include <fmt/format.h>

#include "app/options/options_diff.h"
#include "core/log.h"

namespace lumen {
namespace {

void add_sinks(const OptionsDiff& diff, Pipeline& pipeline) {
  for (const std::string& text : diff.sinks_added) {
    if (auto added = pipeline.add_sink(text); !added) {
      log::area("config").error("{}", added.error().describe());
    }
  }
}

void remove_sinks(const OptionsDiff& diff, Pipeline& pipeline) {
  for (const std::string& text : diff.sinks_removed) {
    // It may have been removed by hand.
    if (const auto id = pipeline.find_sink(text)) (void)pipeline.remove_sink(*id);
  }
}

}  // namespace

void apply_reload(const StreamOptions& before, const StreamOptions& after, Pipeline& pipeline) {
  const OptionsDiff diff = diff_options(before, after);
  if (diff.empty()) {
    log::area("config").info("read again; nothing has changed");
    return;
  }
  remove_sinks(diff, pipeline);  // what comes may want the same port
  if (!diff.live.empty()) {
    log::init(after.verbosity);
    const auto ended = pipeline.change(
        {.more = [&](StreamOptions& options) { copy_live_changes(before, after, options); }});
    if (ended) {
      log::area("config").info("changed: {}", fmt::join(diff.live, ", "));
    } else {
      log::area("config").error("{}; as before: {}", ended.error().describe(),
                                fmt::join(diff.live, ", "));
    }
  }
  add_sinks(diff, pipeline);
  if (!diff.fixed.empty()) {
    log::area("config").warn("needs a restart, and stays as it is until then: {}",
                             fmt::join(diff.fixed, ", "));
  }
}

}  // namespace lumen
