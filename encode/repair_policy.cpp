#include "encode/repair_policy.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lumen {
namespace {

using Repair = EncodeRequest::Repair;

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
    case KeyFrameReason::kSourceReturned: return "the source is back";
    case KeyFrameReason::kUser: return "asked by the user";
    case KeyFrameReason::kPeriodic: break;
  }
  return "periodic";
}

void RepairPolicy::request(KeyFrameReason reason) {
  if (reason == KeyFrameReason::kFirst || reason == KeyFrameReason::kPeriodic) return;
  pending_.fetch_or(bit(reason));
}

void RepairPolicy::report_loss(Timestamp first, Timestamp last) {
  const std::scoped_lock lock(reports_mutex_);
  if (!reported_) {
    reported_ = {first, std::max(first, last)};
  } else {
    reported_ = {std::min(reported_->first, first), std::max({reported_->last, first, last})};
  }
}

void RepairPolicy::set_periodic(PeriodicKeyFrames periodic) { periodic_ = periodic; }

void RepairPolicy::set_encoder(const EncoderCapabilities& capabilities, unsigned refresh_frames) {
  encoder_ = capabilities;
  refresh_frames_ = refresh_frames;
  references_.clear();
  wave_left_ = 0;
}

std::optional<KeyFrameReason> RepairPolicy::key_reason(Timestamp pts, unsigned pending) const {
  if (!last_key_) return KeyFrameReason::kFirst;
  for (const KeyFrameReason urgent :
       {KeyFrameReason::kEncoderReplaced, KeyFrameReason::kSourceReturned}) {
    if ((pending & bit(urgent)) != 0) return urgent;
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

// A receiver tells of a loss until it sees the repair; a report that knows of nothing newer than
// the last repair is about what that has healed.
void RepairPolicy::take_reports() {
  std::optional<Loss> reported;
  {
    const std::scoped_lock lock(reports_mutex_);
    reported = std::exchange(reported_, std::nullopt);
  }
  if (!reported || (healed_at_ && reported->last < *healed_at_)) return;
  if (!loss_) {
    loss_ = reported;
  } else {
    loss_ = {std::min(loss_->first, reported->first), std::max(loss_->last, reported->last)};
  }
}

/// None: not now (a wave is under way), or only a key frame helps.
std::optional<EncodeRequest> RepairPolicy::repair(const Loss& loss) {
  if (encoder_.invalidation && !references_.empty() && references_.front() < loss.first) {
    return EncodeRequest{.repair = Repair::kInvalidate, .lost_from = loss.first};
  }
  if (encoder_.intra_refresh && wave_left_ == 0) {
    return EncodeRequest{.repair = Repair::kIntraRefresh};
  }
  return std::nullopt;
}

RepairPolicy::Decision RepairPolicy::decide(Timestamp pts) {
  take_reports();
  const unsigned pending = pending_.load();
  Decision decision;
  decision.key = key_reason(pts, pending);
  if (!decision.key && loss_) {
    if (const auto request = repair(*loss_)) {
      decision.request = *request;
    } else if (!encoder_.intra_refresh && pts - *last_key_ >= settings_.min_gap) {
      decision.key = KeyFrameReason::kReceiver;
    }
  }
  if (decision.key) {
    decision.request = EncodeRequest::key_frame();
    pending_.fetch_and(~pending);  // a request that came meanwhile stays
  }
  remember(pts, decision);
  return decision;
}

void RepairPolicy::remember(Timestamp pts, const Decision& decision) {
  last_frame_ = pts;
  switch (decision.request.repair) {
    case Repair::kNone: break;
    case Repair::kKeyFrame:
      last_key_ = pts;
      references_.clear();
      wave_left_ = 0;
      break;
    case Repair::kIntraRefresh: wave_left_ = refresh_frames_; break;
    case Repair::kInvalidate:
      std::erase_if(references_, [&](Timestamp one) { return one >= decision.request.lost_from; });
      break;
  }
  if (decision.request.repair != Repair::kNone) {
    healed_at_ = pts;
    loss_.reset();
  }
  if (wave_left_ > 0) --wave_left_;
  references_.push_back(pts);
  while (references_.size() > encoder_.references) references_.pop_front();
}

}  // namespace lumen
