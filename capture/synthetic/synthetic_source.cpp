#include "capture/synthetic/synthetic_source.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace lumen {
namespace {

std::optional<Fourcc> first_drawable(const std::vector<FormatOffer>& offers) {
  const auto found = std::find_if(offers.begin(), offers.end(), [](const FormatOffer& offer) {
    // The pattern's colours have eight bits.
    return offer.modifiers.empty() && is_drawable(offer.format) && bit_depth(offer.format) == 8;
  });
  return found == offers.end() ? std::nullopt : std::optional<Fourcc>(found->format);
}

/// The newest frame that is due at `elapsed` since the start.
std::uint64_t newest_due(FrameRate rate, Nanoseconds elapsed) {
  auto n =
      static_cast<std::uint64_t>(std::chrono::duration<double>(elapsed).count() * rate.value());
  while (n > 0 && frame_offset(rate, n) > elapsed) --n;
  return n;
}

}  // namespace

SyntheticSource::~SyntheticSource() { stop(); }

Result<void> SyntheticSource::start(const CaptureRequest& request, CaptureListener& listener) {
  if (thread_.joinable()) {
    return fail(ErrorKind::kInvalidArgument, "the synthetic source is already running");
  }
  const Extent size = settings_.size;
  if (size.empty() || size.width > kMaxSide || size.height > kMaxSide ||
      settings_.rate.variable()) {
    return fail(ErrorKind::kInvalidArgument, "the synthetic source needs a size and a frame rate");
  }
  Result<RingPointer> ring = make_ring(request.offers);
  if (!ring) return tl::unexpected<Error>(std::move(ring.error()));
  rate_ = slower(settings_.rate, request.max_rate);
  received_ = 0;
  superseded_ = 0;
  {
    const std::scoped_lock lock(mutex_);
    new_offers_.reset();
    rings_.clear();
  }
  adopt(*ring);
  thread_ = std::jthread([this, &listener, first = *std::move(ring)](const std::stop_token& stop) {
    run(stop, listener, first);
  });
  return {};
}

void SyntheticSource::renegotiate(std::vector<FormatOffer> offers) {
  const std::scoped_lock lock(mutex_);
  new_offers_ = std::move(offers);
}

void SyntheticSource::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void SyntheticSource::run(const std::stop_token& stop, CaptureListener& listener,
                          RingPointer ring) {
  const Timestamp start = now();
  const std::uint64_t limit = settings_.frame_limit == 0 ? std::numeric_limits<std::uint64_t>::max()
                                                         : settings_.frame_limit;
  listener.on_format(format_of(ring->format()));
  listener.on_state(CaptureState::kStreaming, "");

  for (std::uint64_t n = 0; n < limit; ++n) {
    // Where the thread could not run for longer than the ring lasts, go on with what is due now.
    const std::uint64_t newest = std::min(newest_due(rate_, now() - start), limit - 1);
    if (newest > n + SyntheticRing::kBuffers) superseded_ += newest - std::exchange(n, newest);

    Timestamp due = start + frame_offset(rate_, n);
    if (!sleep_until(stop, due)) return;
    if (paused()) {
      listener.on_state(CaptureState::kPaused, "");
      if (!wait_while_paused(stop)) return;
      listener.on_state(CaptureState::kStreaming, "");
      // What was due meanwhile is not missed by anyone.
      n = std::max(n, std::min(newest_due(rate_, now() - start), limit - 1));
      due = start + frame_offset(rate_, n);
    }
    if (const auto offers = take_new_offers()) {
      Result<RingPointer> next = make_ring(*offers);
      if (!next) {
        listener.on_failure(std::move(next.error()));
        return;
      }
      ring = *std::move(next);
      adopt(ring);
      listener.on_format(format_of(ring->format()));
    }
    std::optional<CapturedFrame> frame = ring->draw(static_cast<std::uint32_t>(n));
    if (!frame) {
      ++superseded_;
      continue;
    }
    ++received_;
    frame->times.id = n + 1;
    frame->times.mark(Stage::kProduced, due);
    frame->times.mark(Stage::kDequeued);
    listener.on_frame(*std::move(frame));
  }
  listener.on_state(CaptureState::kEnded, fmt::format("all {} frames were due", limit));
}

// Takes effect with the next frame.
void SyntheticSource::pause() {
  const std::scoped_lock lock(mutex_);
  paused_ = true;
}

void SyntheticSource::resume() {
  {
    const std::scoped_lock lock(mutex_);
    paused_ = false;
  }
  wake_.notify_all();
}

bool SyntheticSource::paused() const {
  const std::scoped_lock lock(mutex_);
  return paused_;
}

bool SyntheticSource::wait_while_paused(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, stop, [this] { return !paused_; });
  return !stop.stop_requested();
}

bool SyntheticSource::sleep_until(const std::stop_token& stop, Timestamp due) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, stop, due, [] { return false; });
  return !stop.stop_requested();
}

std::optional<std::vector<FormatOffer>> SyntheticSource::take_new_offers() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(new_offers_, std::nullopt);
}

void SyntheticSource::adopt(const RingPointer& ring) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(rings_, [](const auto& old) { return old.expired(); });
  rings_.push_back(ring);
}

Result<SyntheticSource::RingPointer> SyntheticSource::make_ring(
    const std::vector<FormatOffer>& offers) const {
  const std::optional<Fourcc> format = first_drawable(offers);
  if (!format) {
    return fail(ErrorKind::kUnsupported,
                "the synthetic source has host memory in BGRx, BGRA, RGBx, RGBA and NV12 only, and "
                "none of them is wanted");
  }
  return SyntheticRing::create(*format, settings_.size);
}

CaptureFormat SyntheticSource::format_of(Fourcc format) const {
  return {format, settings_.size, rate_, rate_, "MemPtr", pattern_color(format)};
}

CaptureStats SyntheticSource::stats() const {
  CaptureStats stats;
  stats.received = received_;
  stats.superseded = superseded_;
  const std::scoped_lock lock(mutex_);
  for (const std::weak_ptr<SyntheticRing>& ring : rings_) {
    if (const RingPointer alive = ring.lock()) stats.leases_out += alive->leases_out();
  }
  return stats;
}

std::string SyntheticSource::describe() const {
  const auto& [num, den] = settings_.rate;
  return fmt::format("synthetic pattern {}x{} at {} frames/s", settings_.size.width,
                     settings_.size.height,
                     den == 1 ? fmt::format("{}", num) : fmt::format("{}/{}", num, den));
}

}  // namespace lumen
