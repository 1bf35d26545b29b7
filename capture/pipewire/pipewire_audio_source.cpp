#include "capture/pipewire/pipewire_audio_source.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen::pipewire {
namespace {

using namespace std::chrono_literals;

// The picture must not wait long for the sound.
constexpr auto kAnswerTime = 1s;
constexpr Nanoseconds kFirstDelay = 100ms;
constexpr Nanoseconds kLongestDelay = 2s;

constexpr const char* kNoSink = "this session has no sound device";

std::string not_there(const NodeSelector& selector, const std::vector<NodeInfo>& nodes) {
  std::string text = fmt::format("PipeWire has no audio {}", to_string(selector));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    text += (i == 0 ? "; there is " : ", ") + to_string(nodes[i]);
  }
  return text;
}

}  // namespace

Result<bool> PipeWireAudioSource::start(AudioListener& listener) {
  listener_ = &listener;
  auto loop = ThreadLoop::create();
  if (!loop) return tl::unexpected(std::move(loop.error()));
  loop_ = std::move(*loop);
  const ThreadLoop::Lock lock(*loop_);
  timer_ = pw_loop_add_timer(
      loop_->loop(),
      [](void* self, std::uint64_t) { static_cast<PipeWireAudioSource*>(self)->recover(); }, this);
  auto connected = connect();
  if (connected) connected = connection_->roundtrip(now() + kAnswerTime);
  if (!connected) {
    connection_dead_ = true;
    tell(AudioState::kWaiting, connected.error().message);
    schedule(next_delay());
    return false;
  }
  open_stream();
  return follows_default() ? has_sink() : stream_ != nullptr;
}

void PipeWireAudioSource::stop() {
  if (!loop_) return;
  {
    const ThreadLoop::Lock lock(*loop_);
    stream_.reset();
    connection_.reset();
    if (timer_ != nullptr) pw_loop_destroy_source(loop_->loop(), std::exchange(timer_, nullptr));
  }
  loop_.reset();
}

void PipeWireAudioSource::set_active(Listening listening) {
  if (!loop_) {
    listening_ = listening;
    return;
  }
  const ThreadLoop::Lock lock(*loop_);
  if (std::exchange(listening_, listening) == listening || !stream_ || stream_dead_) return;
  if (listening == Listening::kNo) {
    stream_->pause();
  } else {
    stream_->resume();
  }
}

bool PipeWireAudioSource::has_sink() const {
  return std::ranges::any_of(connection_->directory().nodes(), is_audio_sink);
}

Result<void> PipeWireAudioSource::connect() {
  auto connection =
      Connection::create(*loop_,
                         {.nodes_changed = [this] { on_nodes_changed(); },
                          .lost =
                              [this](const std::string& reason) {
                                connection_dead_ = true;
                                tell(AudioState::kWaiting, "PipeWire went away: " + reason);
                                schedule(next_delay());
                              }},
                         NodeKind::kAudio);
  if (!connection) return tl::unexpected(std::move(connection.error()));
  connection_ = std::move(*connection);
  connection_dead_ = false;
  return {};
}

void PipeWireAudioSource::open_stream() {
  std::optional<NodeInfo> node;
  if (follows_default()) {
    // The session manager refuses a stream that no sink is there for; the registry says when one
    // comes.
    if (!has_sink()) {
      tell(AudioState::kWaiting, kNoSink);
      return;
    }
  } else {
    const auto nodes = connection_->directory().nodes();
    node = select(nodes, selector_);
    if (!node) {
      tell(AudioState::kWaiting, not_there(selector_, nodes));
      return;
    }
    // From here on the node is known by its name: ids and serials do not survive its return.
    if (!node->name.empty()) selector_ = NodeName{node->name};
  }
  const std::string name = node ? to_string(*node) : "the default sink";
  auto stream = AudioStream::create(
      *loop_, connection_->core(), std::move(node), *listener_,
      {.state = [this](AudioState state) { on_stream_state(state); },
       .failed = [this](const std::string& reason) { on_stream_failed(reason); }});
  if (!stream) {
    log::area("audio").debug("{}", stream.error().describe());
    schedule(next_delay());
    return;
  }
  stream_ = std::move(*stream);
  stream_dead_ = false;
  if (listening_ == Listening::kNo) stream_->pause();
  const std::scoped_lock lock(description_mutex_);
  description_ = name;
}

void PipeWireAudioSource::on_nodes_changed() {
  if (!connection_ || connection_dead_) return;  // still inside connect(), or on the way out
  if (!stream_) {
    schedule(0ns);
    return;
  }
  const auto& node = stream_->node();
  if (stream_dead_ || !node || connection_->directory().contains(node->serial)) return;
  stream_dead_ = true;
  tell(AudioState::kWaiting, fmt::format("{} went away", to_string(*node)));
  schedule(0ns);
}

void PipeWireAudioSource::on_stream_state(AudioState state) {
  if (state == AudioState::kStreaming) failures_ = 0;
  if (state != AudioState::kStreaming && follows_default() && !has_sink()) {
    tell(AudioState::kWaiting, kNoSink);
  } else {
    tell(state, "");
  }
}

void PipeWireAudioSource::on_stream_failed(const std::string& reason) {
  stream_dead_ = true;
  tell(AudioState::kWaiting, reason);
  schedule(next_delay());
}

void PipeWireAudioSource::tell(AudioState state, const std::string& reason) {
  if (told_ == state && told_reason_ == reason) return;
  told_ = state;
  told_reason_ = reason;
  listener_->on_audio_state(state, reason);
}

Nanoseconds PipeWireAudioSource::next_delay() {
  const unsigned doublings = std::min(failures_++, 10U);
  return std::min(kFirstDelay * (1U << doublings), kLongestDelay);
}

void PipeWireAudioSource::schedule(Nanoseconds delay) {
  // A timer of 0 would be disarmed.
  timespec when{.tv_sec = delay.count() / 1'000'000'000,
                .tv_nsec = std::max<long>(1, delay.count() % 1'000'000'000)};
  pw_loop_update_timer(loop_->loop(), timer_, &when, nullptr, false);
}

// Rebuilds whatever is missing, in dependency order. Runs from the timer, never inside an event of
// the things that it destroys.
void PipeWireAudioSource::recover() {
  if (stream_dead_ || connection_dead_) stream_.reset();
  if (connection_dead_) connection_.reset();
  if (!connection_) {
    if (auto connected = connect(); !connected) {
      schedule(next_delay());
      return;
    }
    // A new connection's registry arrives in a moment and calls on_nodes_changed().
    if (!follows_default()) return;
  }
  if (!stream_) open_stream();
}

std::string PipeWireAudioSource::describe() const {
  const std::scoped_lock lock(description_mutex_);
  if (!description_.empty()) return description_;
  return follows_default() ? "the default sink" : to_string(selector_);
}

}  // namespace lumen::pipewire
