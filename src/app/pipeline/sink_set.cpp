#include "app/pipeline/sink_set.h"

#include <algorithm>
#include <utility>

namespace lumen {

void SinkSet::add(RunningSink sink) {
  const std::scoped_lock lock(mutex_);
  entries_.push_back({.sink = std::move(sink)});
}

unsigned SinkSet::next_id() {
  const std::scoped_lock lock(mutex_);
  return ++last_id_;
}

std::optional<RunningSink> SinkSet::take(unsigned id) {
  auto taken = take_if([id](const RunningSink& sink) { return sink.id == id; });
  if (taken.empty()) return std::nullopt;
  return std::move(taken.front());
}

std::vector<RunningSink> SinkSet::take_if(const std::function<bool(const RunningSink&)>& chosen) {
  std::vector<RunningSink> taken;
  const std::scoped_lock lock(mutex_);
  std::erase_if(entries_, [&](Entry& entry) {
    if (!chosen(entry.sink)) return false;
    taken.push_back(entry.sink);
    return true;
  });
  return taken;
}

void SinkSet::finish() {
  for (const RunningSink& sink : all()) sink.runner->finish();
}

// The lock is held while they are offered: offer() never waits, and whoever takes a sink out must
// know that nothing comes after.
void SinkSet::offer(const EncodedFrame& frame, PictureOrigin origin) const {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) {
    SinkRunner& runner = *entry.sink.runner;
    if (origin == PictureOrigin::kHost && !runner.shows_waiting_picture()) {
      runner.skip();
    } else {
      runner.offer(frame);
    }
  }
}

std::size_t SinkSet::viewers() const {
  std::size_t viewers = 0;
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) viewers += entry.sink.runner->viewers();
  return viewers;
}

Demand SinkSet::demand() const {
  Demand demand{.frames = false, .waiting_picture = false};
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) {
    const SinkRunner& runner = *entry.sink.runner;
    if (!runner.wants_frames()) continue;
    demand.frames = true;
    demand.waiting_picture = demand.waiting_picture || runner.shows_waiting_picture();
  }
  return demand;
}

void SinkSet::offer(const AudioPacket& packet) const {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) entry.sink.runner->offer(packet);
}

void SinkSet::show_status(const std::string& json) const {
  for (const RunningSink& sink : all()) sink.runner->show_status(json);
}

void SinkSet::expect_audio(const AudioParameters& audio) const {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) entry.sink.runner->expect_audio(audio);
}

std::uint64_t SinkSet::set_bandwidth(unsigned id, std::uint64_t bits_per_second) {
  std::uint64_t narrowest = 0;
  const std::scoped_lock lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.sink.id == id) entry.bandwidth = bits_per_second;
    if (entry.bandwidth == 0) continue;
    narrowest = narrowest == 0 ? entry.bandwidth : std::min(narrowest, entry.bandwidth);
  }
  return narrowest;
}

std::size_t SinkSet::backlog() const {
  std::size_t longest = 0;
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) longest = std::max(longest, entry.sink.runner->backlog());
  return longest;
}

bool SinkSet::needs_periodic_key_frames() const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(
      entries_, [](const Entry& entry) { return entry.sink.runner->needs_periodic_key_frames(); });
}

bool SinkSet::all_take_new_sizes() const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::all_of(
      entries_, [](const Entry& entry) { return entry.sink.runner->takes_new_sizes(); });
}

bool SinkSet::any_running() const {
  // Without the lock: their statistics have locks of their own.
  return std::ranges::any_of(all(), [](const RunningSink& sink) {
    const SinkRunner::Status status = sink.runner->status();
    return !status.error && !status.done;
  });
}

std::vector<SinkStatus> SinkSet::status() const {
  std::vector<SinkStatus> result;
  for (const RunningSink& sink : all()) {
    const SinkRunner::Status now_is = sink.runner->status();
    result.push_back({.id = sink.id,
                      .name = now_is.description,
                      .state = now_is.error             ? SinkState::kFailed
                               : now_is.done            ? SinkState::kClosed
                               : now_is.trouble.empty() ? SinkState::kRunning
                                                        : SinkState::kRetrying,
                      .error = now_is.error  ? now_is.error->describe()
                               : now_is.done ? ""
                                             : now_is.trouble,
                      .stats = now_is.stats,
                      .dropped = now_is.dropped});
  }
  return result;
}

std::vector<RunningSink> SinkSet::all() const {
  std::vector<RunningSink> sinks;
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) sinks.push_back(entry.sink);
  return sinks;
}

std::vector<std::string> SinkSet::texts() const {
  std::vector<std::string> texts;
  for (const RunningSink& sink : all()) texts.push_back(sink.text);
  return texts;
}

}  // namespace lumen
