#include "app/adaptation/adaptation.h"

#include <algorithm>

namespace lumen {
namespace {

// Of what the network carries, for the video itself: the rest is headers, packets sent again, sound
// and a little room.
constexpr double kShareForVideo = 0.9;

// So many slow frames in a window are no accident.
constexpr std::size_t kPeaks = 3;

std::size_t last_level() { return shape_steps().size() - 1; }

double pixels(const StreamShape& shape) {
  const double rate = shape.rate.variable() ? 60 : shape.rate.value();
  return static_cast<double>(shape.size.width) * static_cast<double>(shape.size.height) * rate;
}

}  // namespace

std::string_view to_string(AdaptationCause cause) {
  switch (cause) {
    case AdaptationCause::kNetwork: return "network";
    case AdaptationCause::kEncoder: return "encoder";
    case AdaptationCause::kQueue: return "queue";
    case AdaptationCause::kViewer: return "viewer";
    case AdaptationCause::kNone: break;
  }
  return "none";
}

double encoder_pressure(Nanoseconds busy, Nanoseconds idle, Nanoseconds interval) {
  const Nanoseconds room = idle > interval ? busy + idle : interval;
  return static_cast<double>(busy.count()) / static_cast<double>(room.count());
}

void Adaptation::Climber::descend(Timestamp now, const AdaptationSettings& settings) {
  // Soon after a step up: that one was too early.
  if (climbed_at != kNoTimestamp && now - climbed_at < settings.patience) {
    patience = std::min(std::max(patience, settings.patience) * 2, settings.longest_patience);
  }
  climbed_at = kNoTimestamp;
  room_since = kNoTimestamp;
  ++level;
}

bool Adaptation::Climber::climb(Timestamp now, bool room, const AdaptationSettings& settings) {
  if (climbed_at != kNoTimestamp && now - climbed_at > settings.longest_patience) {
    patience = Nanoseconds{0};  // it has held
  }
  if (!room) {
    room_since = kNoTimestamp;
    return false;
  }
  if (room_since == kNoTimestamp) room_since = now;
  if (now - room_since < std::max(patience, settings.patience)) return false;
  room_since = now;
  climbed_at = now;
  --level;
  return true;
}

void Adaptation::set_full(const StreamShape& full) {
  full_ = full;
  warm_at_ = kNoTimestamp;
  busy_.clear();  // the encoder before
  const std::scoped_lock lock(mutex_);
  status_.shape = full;
  status_.qualities = quality_choices(full, settings_.may_change_size);
}

void Adaptation::configure(const AdaptationSettings& settings) {
  settings_ = settings;
  busy_.set_length(settings.window);
  queue_.set_length(settings.window);
  if (!settings_.enabled) {
    pressed_ = {};
    narrow_ = {};
  }
  if (full_.size.empty()) return;
  std::string quality;
  {
    const std::scoped_lock lock(mutex_);
    status_.qualities = quality_choices(full_, settings_.may_change_size);
    quality = quality_;
  }
  (void)set_quality(quality);
}

bool Adaptation::set_quality(std::string_view id) {
  const std::scoped_lock lock(mutex_);
  const auto choice =
      std::ranges::find_if(status_.qualities, [&](const auto& each) { return each.id == id; });
  if (choice == status_.qualities.end()) return false;
  quality_ = choice->id;
  most_ = choice->most;
  return true;
}

void Adaptation::add(Timestamp now, const Pressure& pressure) {
  queue_.add(now, pressure.queue);
  if (warm_at_ == kNoTimestamp) warm_at_ = now + settings_.window;
  if (now >= warm_at_) busy_.add(now, pressure.encoder);
}

ShapeStep Adaptation::step(std::size_t level) const {
  ShapeStep step = shape_steps()[level];
  if (!settings_.may_change_size) step.size = 1;
  if (full_.bitrate_bps == 0) step.bitrate = 1;
  return step;
}

// Where sizes or the bit rate can't change, some levels are no different from the one before.
bool Adaptation::distinct(std::size_t level) const {
  return level == 0 || !(reduced(full_, step(level)) == reduced(full_, step(level - 1)));
}

std::uint64_t Adaptation::network_bitrate() const {
  const std::uint64_t bandwidth = bandwidth_;
  if (!settings_.enabled || bandwidth == 0 || full_.bitrate_bps == 0) return full_.bitrate_bps;
  const auto video = static_cast<std::uint64_t>(static_cast<double>(bandwidth) * kShareForVideo);
  return std::clamp(video, std::min(settings_.lowest_bitrate_bps, full_.bitrate_bps),
                    full_.bitrate_bps);
}

double Adaptation::bits_per_pixel(std::size_t level) const {
  return static_cast<double>(network_bitrate()) / pixels(reduced(full_, step(level)));
}

void Adaptation::heed_pressure(Timestamp now) {
  const double average = std::max(busy_.average(), queue_.average());
  const bool peaks = busy_.above(settings_.peak_pressure) >= kPeaks;
  const bool encoder_presses =
      busy_.full() && busy_.average() > (peaks ? settings_.low_pressure : settings_.high_pressure);
  const bool queue_presses = queue_.full() && queue_.average() > settings_.high_pressure;
  if ((encoder_presses || queue_presses) && pressed_.level < last_level()) {
    queue_presses_ = queue_presses && queue_.average() > busy_.average();
    do {
      pressed_.descend(now, settings_);
    } while (!distinct(pressed_.level) && pressed_.level < last_level());
    busy_.clear();
    queue_.clear();
    return;
  }
  if (pressed_.level == 0) return;
  std::size_t above = pressed_.level - 1;
  while (above > 0 && !distinct(above)) --above;
  const double growth = pixels(reduced(full_, step(above))) /
                        std::max(1.0, pixels(reduced(full_, step(pressed_.level))));
  const bool room = busy_.full() && queue_.full() && average * growth < settings_.low_pressure;
  if (pressed_.climb(now, room, settings_)) {
    pressed_.level = above;
    busy_.clear();
    queue_.clear();
  }
}

// Two levels for the network: those that change only the bit rate are of no use there.
void Adaptation::heed_network(Timestamp now) {
  const auto useful = [this](std::size_t level) {
    return pixels(reduced(full_, step(level))) < pixels(reduced(full_, step(level - 1)));
  };
  const bool narrow = full_.bitrate_bps != 0 && network_bitrate() < full_.bitrate_bps &&
                      bits_per_pixel(narrow_.level) < settings_.few_bits;
  if (!narrow) narrow_since_ = kNoTimestamp;
  if (narrow && narrow_since_ == kNoTimestamp) narrow_since_ = now;
  if (narrow && now - narrow_since_ >= settings_.window) {
    std::size_t next = narrow_.level + 1;
    while (next <= last_level() && !useful(next)) ++next;
    if (next > last_level()) return;
    narrow_.descend(now, settings_);
    narrow_.level = next;
    narrow_since_ = kNoTimestamp;
    return;
  }
  if (narrow_.level == 0) return;
  std::size_t above = narrow_.level - 1;
  while (above > 0 && !useful(above)) --above;
  const bool room =
      network_bitrate() == full_.bitrate_bps || bits_per_pixel(above) > settings_.enough_bits;
  if (narrow_.climb(now, room, settings_)) narrow_.level = above;
}

StreamShape Adaptation::decide(Timestamp now) {
  if (settings_.enabled) {
    heed_pressure(now);
    heed_network(now);
  }
  const std::size_t level = std::max(pressed_.level, narrow_.level);
  ShapeStep step_now = step(level);
  const std::scoped_lock lock(mutex_);
  step_now.rate = std::min(step_now.rate, most_.rate);
  step_now.size = std::min(step_now.size, most_.size);
  step_now.bitrate = std::min(step_now.bitrate, most_.bitrate);
  StreamShape shape = reduced(full_, step_now);
  const std::uint64_t network = network_bitrate();
  const bool narrowed = network < shape.bitrate_bps;
  shape.bitrate_bps = std::min(shape.bitrate_bps, network);

  status_.cause = AdaptationCause::kNone;
  if (!(shape == full_)) status_.cause = AdaptationCause::kViewer;
  if (pressed_.level > 0) {
    status_.cause = queue_presses_ ? AdaptationCause::kQueue : AdaptationCause::kEncoder;
  }
  if (narrowed || narrow_.level > pressed_.level) status_.cause = AdaptationCause::kNetwork;
  if (level != status_.level) ++status_.changes;
  status_.level = level;
  status_.shape = shape;
  status_.pressure = std::max(busy_.average(), queue_.average());
  status_.peak = std::max(busy_.peak(), queue_.peak());
  status_.network_bps = bandwidth_;
  status_.quality = quality_;
  return shape;
}

AdaptationStatus Adaptation::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

}  // namespace lumen
