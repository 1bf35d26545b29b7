// Bringing a running stream to what a configuration file says that was read again.
#pragma once

#include <string>
#include <vector>

#include "app/options/stream_options.h"
#include "app/pipeline/pipeline.h"

namespace lumen {

/// `before` is what was in effect by the file until now; what others have changed since then stays,
/// unless the file has changed it too. Viewers stay. The log says what was done and what can't be.
void apply_reload(const StreamOptions& before, const StreamOptions& after, Pipeline& pipeline);

}  // namespace lumen
