// What the encode loop does while no frame comes: repeats the last picture of a still screen, shows
// the waiting picture when the session is away, rests when nobody looks. Pure: reads no clock. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/time.h"

namespace lumen {

/// Whose picture it is: the session's, or the host's own, which says that the session is away.
enum class PictureOrigin : std::uint8_t { kSession, kHost };

/// What the sinks together want now.
struct Demand {
  bool frames = true;
  bool waiting_picture = true;  // one that wants frames shows the host's own pictures, too

  friend bool operator==(const Demand&, const Demand&) = default;
};

struct VigilSettings {
  /// Repeating the picture this often lets a late receiver get its key frame within two seconds and
  /// keeps players from running dry, for a few skipped macroblocks' bits.
  Nanoseconds still_interval = std::chrono::milliseconds{500};
  Nanoseconds waiting_interval = std::chrono::milliseconds{250};  // between two waiting pictures
  /// A session that is back so soon was not away: the last picture stays.
  Nanoseconds loss_patience = std::chrono::milliseconds{700};
  Nanoseconds first_patience = std::chrono::seconds{2};  // for the first picture of all
  Nanoseconds rest_patience = std::chrono::seconds{3};   // nobody has looked for so long
  /// After a rest the source gets so long to bring a new picture before the old one is shown.
  Nanoseconds wake_patience = std::chrono::milliseconds{250};
};

class Vigil {
 public:
  enum class Act : std::uint8_t { kNothing, kRepeat, kShowWaiting, kRest };
  enum class Last : std::uint8_t { kNone, kThere };  // a picture that could be repeated

  Vigil(const VigilSettings& settings, Timestamp start)
      : settings_(settings),
        unwanted_since_(start),
        missing_since_(start),
        patience_(settings.first_patience) {}

  /// True: a rest has ended.
  bool set_demand(const Demand& demand, Timestamp now);
  /// The session's picture is gone. Again while it is: nothing new.
  void source_lost(Timestamp now);
  /// The source is there again, and its first frame on its way.
  void source_found(Timestamp now);
  /// A frame of the source has come, captured at that time: one from before a loss is no return.
  /// True: it takes the place of the waiting picture.
  bool frame_came(Timestamp captured);
  /// A rest has ended, and the source still has time to bring a newer picture than the last one.
  [[nodiscard]] bool waits_for_new_picture(Timestamp now) const {
    return woken_ != kNoTimestamp && now < woken_ + settings_.wake_patience;
  }
  /// Something went to the encoder.
  void encoded(Timestamp now) { last_encoded_ = now; }

  /// When act() will have something to do if nothing happens until then; kNever: not at all.
  static constexpr Timestamp kNever = Timestamp::max();
  [[nodiscard]] Timestamp next(Last last) const;
  [[nodiscard]] Act act(Timestamp now, Last last);

  [[nodiscard]] bool resting() const { return resting_; }
  [[nodiscard]] bool showing() const { return showing_; }  // the waiting picture is the newest

 private:
  [[nodiscard]] Timestamp rest_due() const;
  [[nodiscard]] Timestamp waiting_due() const;
  [[nodiscard]] Timestamp repeat_due(Last last) const;

  VigilSettings settings_;
  Demand demand_;
  Timestamp unwanted_since_;
  Timestamp missing_since_;  // kNoTimestamp: the source is there
  Nanoseconds patience_;     // with what is missing
  bool lost_ = false;        // and known to be
  bool showing_ = false;
  bool resting_ = false;
  Timestamp woken_ = kNoTimestamp;
  Timestamp last_encoded_ = kNoTimestamp;
};

}  // namespace lumen
