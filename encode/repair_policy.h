// Decides which pictures become key frames (IDR), and how receivers that lost something are helped
// without one. A pure state machine over the frames' timestamps; it reads no clock.
//
//  - The first frame is a key frame, and the first one after the encoder was replaced.
//  - Requests are coalesced: however many come before the next key frame, they get that one. Two
//  key
//    frames on request are at least `min_gap` apart, so that receivers with bad links can't eat up
//    the bit rate; a request that comes sooner waits.
//  - With a sink attached whose receivers can't ask, no two key frames are more than
//    `max_interval` apart: a frame is one if the next, expected at the nominal distance or at the
//    last frame's where that is longer, would be too late.
//  - A loss is answered by invalidating the lost references where the encoder still has an older
//    one, else by a wave of intra blocks, else by a key frame. What a repair under way or done
//    already heals is not answered again.
//
// request(), report_loss() and set_periodic(): any thread; the rest: one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>

#include "core/time.h"
#include "encode/video_encoder.h"

namespace lumen {

enum class KeyFrameReason : std::uint8_t {
  kFirst,
  kEncoderReplaced,  // urgent: the new encoder's first picture must be one
  kSourceReturned,   // urgent: not every receiver has got the pictures before
  kReceiver,         // asked by a receiver (PLI, FIR), or lost more than can be repaired
  kSinkOverflow,     // a sink dropped frames and resumes at the next key frame
  kUser,
  kPeriodic,
};
std::string_view to_string(KeyFrameReason reason);

enum class PeriodicKeyFrames : std::uint8_t { kOff, kOn };

struct RepairSettings {
  Nanoseconds min_gap{std::chrono::milliseconds{250}};
  Nanoseconds max_interval{std::chrono::seconds{2}};
  FrameRate rate{60, 1};  // nominal; variable: only the last frame's distance counts
};

class RepairPolicy {
 public:
  explicit RepairPolicy(const RepairSettings& settings) : settings_(settings) {}

  /// Asks for a key frame soon. kFirst and kPeriodic are the policy's own and are ignored here.
  void request(KeyFrameReason reason);

  /// A receiver lacks pictures; `first` is the oldest of them, `last` the newest that it knows of.
  void report_loss(Timestamp first, Timestamp last);

  /// On while a sink is attached whose receivers can't ask for a key frame.
  void set_periodic(PeriodicKeyFrames periodic);

  /// Of the encoder in use; `refresh_frames` is the length of its intra-refresh wave.
  void set_encoder(const EncoderCapabilities& capabilities, unsigned refresh_frames);

  struct Decision {
    EncodeRequest request;
    /// Set where the picture must be a key frame: why (the most urgent of the pending requests).
    std::optional<KeyFrameReason> key;
  };
  /// Call once for each frame, in order, when it goes to the encoder.
  Decision decide(Timestamp pts);

 private:
  struct Loss {
    Timestamp first;
    Timestamp last;
  };

  [[nodiscard]] std::optional<KeyFrameReason> key_reason(Timestamp pts, unsigned pending) const;
  [[nodiscard]] std::optional<EncodeRequest> repair(const Loss& loss);
  void take_reports();
  void remember(Timestamp pts, const Decision& decision);

  const RepairSettings settings_;
  std::atomic<unsigned> pending_{0};  // one bit per KeyFrameReason
  std::atomic<PeriodicKeyFrames> periodic_{PeriodicKeyFrames::kOff};
  std::mutex reports_mutex_;
  std::optional<Loss> reported_;

  EncoderCapabilities encoder_;
  unsigned refresh_frames_ = 0;
  std::optional<Timestamp> last_key_;
  std::optional<Timestamp> last_frame_;
  std::optional<Loss> loss_;            // not answered yet
  std::optional<Timestamp> healed_at_;  // what was lost before this picture is made good
  std::deque<Timestamp> references_;    // what the encoder may still refer to
  unsigned wave_left_ = 0;              // pictures until the wave under way is through
};

}  // namespace lumen
