// Decides which pictures become key frames (IDR). A pure state machine over the frames' timestamps;
// it reads no clock.
//
//  - The first frame is a key frame, and the first one after the encoder was replaced.
//  - Requests are coalesced: however many come before the next key frame, they get that one. Two
//  key
//    frames on request are at least `min_gap` apart, so that receivers with bad links can't eat up
//    the bit rate; a request that comes sooner waits.
//  - With a sink attached whose receivers can't ask, no two key frames are more than
//    `max_interval` apart: a frame is one if the next, expected at the nominal distance or at the
//    last frame's where that is longer, would be too late.
//
// request() and set_periodic(): any thread; decide(): one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/time.h"

namespace lumen {

enum class KeyFrameReason : std::uint8_t {
  kFirst,
  kEncoderReplaced,  // urgent: the new encoder's first picture must be one
  kReceiver,         // asked by a receiver (PLI, FIR)
  kSinkOverflow,     // a sink dropped frames and resumes at the next key frame
  kUser,
  kPeriodic,
};
std::string_view to_string(KeyFrameReason reason);

enum class PeriodicKeyFrames : std::uint8_t { kOff, kOn };

struct KeyFrameSettings {
  Nanoseconds min_gap{std::chrono::milliseconds{250}};
  Nanoseconds max_interval{std::chrono::seconds{2}};
  FrameRate rate{60, 1};  // nominal; variable: only the last frame's distance counts
};

class KeyFramePolicy {
 public:
  explicit KeyFramePolicy(const KeyFrameSettings& settings) : settings_(settings) {}

  /// Asks for a key frame soon. kFirst and kPeriodic are the policy's own and are ignored here.
  void request(KeyFrameReason reason);

  /// On while a sink is attached whose receivers can't ask for a key frame.
  void set_periodic(PeriodicKeyFrames periodic);

  /// Call once for each frame, in order, when it goes to the encoder. A value: this frame must be a
  /// key frame, and why (the most urgent of the pending requests).
  std::optional<KeyFrameReason> decide(Timestamp pts);

 private:
  [[nodiscard]] std::optional<KeyFrameReason> reason_for(Timestamp pts, unsigned pending) const;

  const KeyFrameSettings settings_;
  std::atomic<unsigned> pending_{0};  // one bit per KeyFrameReason
  std::atomic<PeriodicKeyFrames> periodic_{PeriodicKeyFrames::kOff};
  std::optional<Timestamp> last_key_;
  std::optional<Timestamp> last_frame_;
};

}  // namespace lumen
