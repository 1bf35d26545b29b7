// When a pointer that moved without a new picture goes out. Pure.
#pragma once

#include <algorithm>

#include "core/time.h"

namespace lumen {

/// What went out before; kNoTimestamp: nothing yet.
struct LastOut {
  Timestamp frame = kNoTimestamp;    // of either kind
  Timestamp picture = kNoTimestamp;  // a new one
};

/// `interval`: of the stream's highest rate. Where pictures flow the pointer goes along with the
/// next one: by itself it would take that one's place in the rate.
inline Timestamp cursor_due(Timestamp now, Nanoseconds interval, const LastOut& last) {
  Timestamp due = now;
  if (last.frame != kNoTimestamp) due = std::max(due, last.frame + interval);
  if (last.picture != kNoTimestamp) due = std::max(due, last.picture + interval * 3 / 2);
  return due;
}

}  // namespace lumen
