#include "encode/key_frame_policy.h"

#include <algorithm>
#include <array>

namespace lumen {
namespace {

constexpr unsigned bit(KeyFrameReason reason) { return 1U << static_cast<unsigned>(reason); }

// Requests, most urgent first.
constexpr std::array kRequests{KeyFrameReason::kEncoderReplaced, KeyFrameReason::kReceiver,
                               KeyFrameReason::kSinkOverflow, KeyFrameReason::kUser};

}  // namespace

std::string_view to_string(KeyFrameReason reason) {
  switch (reason) {
    case KeyFrameReason::kFirst: return "first frame";
    case KeyFrameReason::kEncoderReplaced: return "encoder replaced";
    case KeyFrameReason::kReceiver: return "asked by a receiver";
    case KeyFrameReason::kSinkOverflow: return "sink overflow";
    case KeyFrameReason::kUser: return "asked by the user";
    case KeyFrameReason::kPeriodic: break;
  }
  return "periodic";
}

void KeyFramePolicy::request(KeyFrameReason reason) {
  if (reason == KeyFrameReason::kFirst || reason == KeyFrameReason::kPeriodic) return;
  pending_.fetch_or(bit(reason));
}

void KeyFramePolicy::set_periodic(PeriodicKeyFrames periodic) { periodic_ = periodic; }

std::optional<KeyFrameReason> KeyFramePolicy::reason_for(Timestamp pts, unsigned pending) const {
  if (!last_key_) return KeyFrameReason::kFirst;
  if ((pending & bit(KeyFrameReason::kEncoderReplaced)) != 0) {
    return KeyFrameReason::kEncoderReplaced;
  }
  const Nanoseconds since = pts - *last_key_;
  if (since >= settings_.min_gap) {
    for (const KeyFrameReason reason : kRequests) {
      if ((pending & bit(reason)) != 0) return reason;
    }
  }
  if (periodic_ == PeriodicKeyFrames::kOn) {
    const Nanoseconds next = std::max(frame_offset(settings_.rate, 1), pts - *last_frame_);
    if (since + next > settings_.max_interval) {
      return KeyFrameReason::kPeriodic;
    }
  }
  return std::nullopt;
}

std::optional<KeyFrameReason> KeyFramePolicy::decide(Timestamp pts) {
  const unsigned pending = pending_.load();
  const auto reason = reason_for(pts, pending);
  last_frame_ = pts;
  if (reason) {
    last_key_ = pts;
    pending_.fetch_and(~pending);  // a request that came meanwhile stays
  }
  return reason;
}

}  // namespace lumen
