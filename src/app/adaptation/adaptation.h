// Bends the stream instead of letting it break. A pure state machine over the frames' times.
//
//  - Where the network is too narrow, the bit rate follows what it carries. Where that leaves too
//    few bits for each pixel, the steps of stream_shape.h ask for fewer frames, then fewer pixels.
//  - Where the encoder or a queue behind it can't keep up, the same steps are taken by themselves:
//    frames first, then pixels, then bits.
//  - A viewer's choice of quality is an upper bound for both.
//
// Down is quick (a window of a second full of pressure), up is slow (some seconds of room), and a
// step up that fails makes the next attempt wait twice as long. A step costs far more pictures than
// a hiccup does: the first pictures of an encoder, which are slow everywhere, and single slow ones
// are no reason for one. One thread, except for the wishes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/adaptation/stream_shape.h"
#include "core/moving_window.h"

namespace lumen {

struct AdaptationSettings {
  bool enabled = true;           // false: only what viewers choose
  bool may_change_size = false;  // whether all receivers follow a change of size in mid-stream
  /// Shares of a frame interval that a frame keeps the encoder busy, or of a queue that is full.
  double high_pressure = 0.9;  // on average over the window: step down
  double peak_pressure = 2.5;  // of some frames: step down, if the average is past `low_pressure`
  double low_pressure = 0.6;   // expected after a step up: take it
  /// Bits for each pixel: below `few_bits` step down, above `enough_bits` after a step up take it.
  double few_bits = 0.03;
  double enough_bits = 0.045;
  Nanoseconds window{std::chrono::seconds{1}};
  Nanoseconds patience{std::chrono::seconds{5}};           // of room, before a step up
  Nanoseconds longest_patience{std::chrono::seconds{60}};  // after steps up that failed
  std::uint64_t lowest_bitrate_bps = 300'000;
};

/// Of one picture that went to the encoder.
struct Pressure {
  double encoder = 0;  // share of a frame interval that it kept the encode thread busy
  double queue = 0;    // share of the fullest sink queue that is taken
};

enum class AdaptationCause : std::uint8_t { kNone, kNetwork, kEncoder, kQueue, kViewer };
std::string_view to_string(AdaptationCause cause);  // "network"

/// Of a picture that kept the encode thread busy for so long, after it had waited `idle` for it, at
/// a rate that has one each `interval`. Where it waits longer than that, the source makes fewer
/// pictures than asked for: what counts then is the thread's time that is taken.
double encoder_pressure(Nanoseconds busy, Nanoseconds idle, Nanoseconds interval);

struct AdaptationStatus {
  std::size_t level = 0;                           // of shape_steps()
  AdaptationCause cause = AdaptationCause::kNone;  // why it is not all that was asked for
  StreamShape shape;
  std::uint64_t changes = 0;
  double pressure = 0;  // average of the window
  double peak = 0;
  std::uint64_t network_bps = 0;  // 0: no limit known
  std::string quality = "auto";
  std::vector<QualityChoice> qualities;
};

class Adaptation {
 public:
  explicit Adaptation(const AdaptationSettings& settings) : settings_(settings) {}

  /// Other thresholds, or other receivers, while it runs. What has been chosen and learned stays.
  void configure(const AdaptationSettings& settings);

  /// What was asked for. Before anything else; again with every encoder.
  void set_full(const StreamShape& full);

  /// What the network carries for everything that is sent; 0: no limit. Any thread.
  void set_bandwidth(std::uint64_t bits_per_second) { bandwidth_ = bits_per_second; }
  /// False where there is no such choice. Any thread.
  bool set_quality(std::string_view id);

  /// Once for each picture that went to the encoder.
  void add(Timestamp now, const Pressure& pressure);

  /// What is to be encoded from now on.
  StreamShape decide(Timestamp now);

  [[nodiscard]] AdaptationStatus status() const;

 private:
  void heed_pressure(Timestamp now);
  void heed_network(Timestamp now);
  [[nodiscard]] ShapeStep step(std::size_t level) const;
  [[nodiscard]] bool distinct(std::size_t level) const;
  [[nodiscard]] double bits_per_pixel(std::size_t level) const;
  [[nodiscard]] std::uint64_t network_bitrate() const;

  AdaptationSettings settings_;
  StreamShape full_;
  std::atomic<std::uint64_t> bandwidth_{0};

  MovingWindow busy_{settings_.window};
  MovingWindow queue_{settings_.window};

  /// A level with its own memory of what has been tried.
  struct Climber {
    std::size_t level = 0;
    Timestamp room_since = kNoTimestamp;
    Timestamp climbed_at = kNoTimestamp;
    Nanoseconds patience{0};  // 0: the usual

    void descend(Timestamp now, const AdaptationSettings& settings);
    bool climb(Timestamp now, bool room, const AdaptationSettings& settings);
  };
  Climber pressed_;
  Climber narrow_;
  bool queue_presses_ = false;        // not the encoder
  Timestamp warm_at_ = kNoTimestamp;  // when the encoder's pressure begins to count
  Timestamp narrow_since_ = kNoTimestamp;

  mutable std::mutex mutex_;
  std::string quality_ = "auto";
  ShapeStep most_;
  AdaptationStatus status_;
};

}  // namespace lumen
