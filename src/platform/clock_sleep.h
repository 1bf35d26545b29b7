// Sleeping until an instant, not for a duration, so that a late wake-up does not shift what
// follows.
#pragma once

#include "core/time.h"

namespace lumen {

/// Returns at `deadline` or shortly after; at once if it has passed. Signals do not end the sleep.
/// Any thread.
void sleep_until(Timestamp deadline);

}  // namespace lumen
