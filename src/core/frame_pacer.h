// Holds a stream to a highest frame rate without adding latency: of the frames that a faster source
// makes, the ones nearest to a regular grid go out, each as soon as it is there.
//
// Slot k of the grid is epoch + frame_offset(rate, k); every frame takes one slot, so the average
// is the cap exactly. The grid restarts with a frame that comes a whole interval or more after its
// slot (a pause, a slower source). How early before its slot a frame may go depends on the source's
// own interval, which the pacer watches:
//  - a source at about the cap may be one interval early, so that jitter of just under half an
//    interval, in whichever frame the grid began, neither loses nor delays a frame. A clock that
//    runs slightly fast uses that interval up over time, then loses one frame and has it back.
//  - a faster one may be half its own interval early, which keeps 120 → 60 regular under jitter.
//
// How to use it, with a LatestSlot:
//   auto frame = slot.take();
//   while (slot.wait_until(pacer.due(now())) == Wait::kReady) frame = slot.take();
//   pacer.accept(now());
//
// Pure: reads no clock. One thread.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace lumen {

class FramePacer {
 public:
  /// A variable rate means no limit.
  explicit FramePacer(FrameRate cap);

  /// When the frame that came at `candidate` may go out, provided that none newer comes before
  /// then: `candidate` itself or later, by two intervals at most. Ask once for each frame, as it
  /// comes.
  Timestamp due(Timestamp candidate);

  /// A frame goes out at `when`: takes the next slot.
  void accept(Timestamp when);

  /// The next slot's place on the grid; kNoTimestamp before the first frame.
  [[nodiscard]] Timestamp next_slot() const;

 private:
  [[nodiscard]] bool in_step() const { return epoch_ != kNoTimestamp; }
  void watch(Timestamp candidate);

  FrameRate cap_;
  Nanoseconds interval_;         // of the cap, rounded: for tolerances, never for slots
  Nanoseconds source_interval_;  // smoothed, of the frames seen by due()
  Timestamp last_candidate_ = kNoTimestamp;
  Timestamp epoch_ = kNoTimestamp;
  std::uint64_t next_ = 0;  // slot
};

}  // namespace lumen
