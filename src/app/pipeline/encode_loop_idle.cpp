// What the encode loop does while no frame comes.
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "app/pipeline/encode_loop.h"

namespace lumen {
namespace {

// Of the stream while nobody knows the session's.
constexpr Extent kWaitingSize{1280, 720};

}  // namespace

void EncodeLoop::source_lost(std::string reason) {
  {
    const std::scoped_lock lock(status_mutex_);
    lost_at_ = now();
    found_at_.reset();
    missing_ = std::move(reason);
  }
  slot_.interrupt();
}

void EncodeLoop::source_found() {
  {
    const std::scoped_lock lock(status_mutex_);
    found_at_ = now();
  }
  slot_.interrupt();
}

EncodeLoop::Next EncodeLoop::pass_time() {
  switch (vigil_.act(now(), last_ ? Vigil::Last::kThere : Vigil::Last::kNone)) {
    case Vigil::Act::kRepeat: return Next::kRepeat;
    case Vigil::Act::kShowWaiting: return Next::kWaiting;
    case Vigil::Act::kRest:
      waiting_.reset();
      missed_frames_ = true;
      // A picture where the producer drew it is one of its few buffers.
      if (last_ && std::holds_alternative<CudaArray>(last_->payload)) last_.reset();
      if (callbacks_.flow) callbacks_.flow(Flow::kResting);
      break;
    case Vigil::Act::kNothing: break;
  }
  return Next::kNothing;
}

Result<void> EncodeLoop::heed_news() {
  std::optional<Timestamp> lost;
  std::optional<Timestamp> found;
  {
    const std::scoped_lock lock(status_mutex_);
    lost = std::exchange(lost_at_, std::nullopt);
    found = std::exchange(found_at_, std::nullopt);
  }
  if (lost) vigil_.source_lost(*lost);
  if (found) vigil_.source_found(*found);
  const Demand demand = callbacks_.demand ? callbacks_.demand() : Demand{};
  if (vigil_.set_demand(demand, now()) && callbacks_.flow) callbacks_.flow(Flow::kRunning);
  return prepare_encoder();
}

// It takes the place of the session's picture in the same stream: another encoder is opened only
// where there was none.
Result<void> EncodeLoop::encode_waiting() {
  last_.reset();
  if (encoders_.encoder() == nullptr) {
    if (auto opened = open_for_waiting(); !opened) return opened;
  }
  if (auto adapted = adapt(Sizes::kFree); !adapted) return adapted;
  if (!waiting_) {
    auto picture = WaitingPicture::create(target_);
    if (!picture) return tl::unexpected(std::move(picture.error()));
    waiting_ = std::move(*picture);
  }
  std::string missing;
  {
    const std::scoped_lock lock(status_mutex_);
    missing = missing_;
  }
  auto frame = waiting_->draw(missing);
  if (!frame) {
    vigil_.encoded(now());
    if (frame.error().kind == ErrorKind::kRetry) return {};
    return tl::unexpected(std::move(frame.error()));
  }
  frame->times.id = last_id_;
  damage_.forget();
  {
    const std::scoped_lock lock(status_mutex_);
    ++status_.waiting;
  }
  return encode(*frame);
}

Result<void> EncodeLoop::open_for_waiting() {
  EncoderSettings video = settings_.video;
  bool first = false;
  {
    const std::scoped_lock lock(status_mutex_);
    first = status_.first_frame == kNoTimestamp;
  }
  if (!first) return open(video);  // it was lost with the GPU
  video.size = settings_.size.value_or(kWaitingSize);
  if (video.depth_is_wish) video.bit_depth = 8;  // as most sources have
  opened_for_waiting_ = true;
  return open(video);
}

}  // namespace lumen
