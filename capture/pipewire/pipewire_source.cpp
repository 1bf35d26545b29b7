#include "capture/pipewire/pipewire_source.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen::pipewire {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerTime = 5s;
constexpr Nanoseconds kFirstDelay = 100ms;
// Frames shall flow two seconds after the daemon is back.
constexpr Nanoseconds kLongestDelay = 500ms;
// A node that gives nothing to stream this often before the first picture will not change its mind.
constexpr unsigned kRefusalsUntilFailure = 6;

std::shared_ptr<SyncDevice> find_sync_device(const std::vector<FormatOffer>& offers) {
  const bool dmabufs = std::ranges::any_of(
      offers, [](const FormatOffer& offer) { return !offer.modifiers.empty(); });
  if (!dmabufs || !knows_explicit_sync()) return nullptr;
  auto device = open_sync_device();
  if (device) return std::move(*device);
  log::area("capture").debug("{}", device.error().describe());
  return nullptr;
}

}  // namespace

PipeWireSource::PipeWireSource(NodeSelector node)
    : PipeWireSource(PipeWireSourceSettings{.node = std::move(node)}) {}

PipeWireSource::PipeWireSource(PipeWireSourceSettings settings)
    : selector_(std::move(settings.node)),
      remote_(std::move(settings.remote)),
      absent_(settings.absent),
      ambiguous_(settings.ambiguous),
      gone_(settings.gone),
      wishes_(settings.wishes) {}

Result<void> PipeWireSource::start(const CaptureRequest& request, CaptureListener& listener) {
  request_ = request;
  listener_ = &listener;
  sync_ = find_sync_device(request.offers);
  auto loop = ThreadLoop::create();
  if (!loop) return tl::unexpected(std::move(loop.error()));
  loop_ = std::move(*loop);
  const ThreadLoop::Lock lock(*loop_);
  timer_ = pw_loop_add_timer(
      loop_->loop(),
      [](void* self, std::uint64_t) { static_cast<PipeWireSource*>(self)->recover(); }, this);
  auto found = find_node();
  if (found) return found;
  const Error& error = found.error();
  unclear_ = error.kind == ErrorKind::kRetry;
  const bool absent = error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kDeviceLost;
  if (!unclear_ && !(absent && absent_ == AbsentSource::kIsAwaited)) return found;
  tell_lost(error.message);
  // Not part of the reason, which viewers get to see.
  if (!error.hint.empty()) log::area("capture").info("{}: {}", error.message, error.hint);
  // With a connection the registry tells when the node comes.
  if (!connection_ || connection_dead_) schedule(next_delay());
  return {};
}

Result<void> PipeWireSource::find_node() {
  if (auto connected = connect(); !connected) return connected;
  if (auto synced = connection_->roundtrip(now() + kAnswerTime); !synced) {
    connection_dead_ = true;
    return synced;
  }
  const auto nodes = connection_->directory().nodes();
  if (auto clear = check_unambiguous(nodes, selector_, ambiguous_); !clear) return clear;
  const auto node = select(nodes, selector_);
  if (!node) return tl::unexpected(node_not_found(nodes, selector_));
  const bool one_of_a_kind = std::holds_alternative<AnyNode>(selector_) ||
                             std::holds_alternative<GamescopeNode>(selector_);
  if (gone_ == GoneNode::kIsTheEnd) {
    selector_ = NodeSerial{node->serial};
  } else if (!one_of_a_kind && !node->name.empty()) {
    // From here on the node is known by its name: ids and serials do not survive its return.
    selector_ = NodeName{node->name};
  }
  return open_stream(*node);
}

void PipeWireSource::set_flow(StreamFlow flow) {
  if (!loop_) {
    flow_ = flow;
    return;
  }
  const ThreadLoop::Lock lock(*loop_);
  flow_ = flow;
  if (stream_ && !stream_dead_) stream_->set_flow(flow);
}

void PipeWireSource::stop() {
  if (!loop_) return;
  {
    const ThreadLoop::Lock lock(*loop_);
    stream_.reset();
    connection_.reset();
    if (timer_ != nullptr) pw_loop_destroy_source(loop_->loop(), std::exchange(timer_, nullptr));
  }
  loop_.reset();
}

Result<void> PipeWireSource::connect() {
  Connection::Callbacks callbacks{.nodes_changed = [this] { on_nodes_changed(); },
                                  .lost =
                                      [this](const std::string& reason) {
                                        connection_dead_ = true;
                                        on_lost("PipeWire went away: " + reason);
                                        schedule(next_delay());
                                      }};
  auto connection = remote_ ? Connection::adopt(*loop_, std::move(remote_), std::move(callbacks))
                            : Connection::create(*loop_, std::move(callbacks));
  if (!connection) return tl::unexpected(std::move(connection.error()));
  connection_ = std::move(*connection);
  connection_dead_ = false;
  return {};
}

Result<void> PipeWireSource::open_stream(const NodeInfo& node) {
  auto stream = VideoStream::create(
      *loop_, connection_->core(),
      {.node = node,
       .request = request_,
       .max_framerate = max_framerate_,
       .sync = sync_,
       .flow = flow_,
       .wishes = wishes_},
      *listener_, counters_,
      {.state = [this](CaptureState state) { on_stream_state(state); },
       .format = [this](const CaptureFormat& format) { listener_->on_format(format); },
       .failed = [this](const std::string& reason) { on_stream_failed(reason); },
       .unusable = [this] { on_stream_unusable(); },
       .sync_failed = [this](const std::string& reason) { on_sync_failed(reason); }});
  if (!stream) return tl::unexpected(std::move(stream.error()));
  stream_ = std::move(*stream);
  stream_dead_ = false;
  last_ = NodeSerial{node.serial};
  const std::scoped_lock lock(description_mutex_);
  description_ = "PipeWire node " + to_string(node);
  return {};
}

void PipeWireSource::on_nodes_changed() {
  if (!connection_ || connection_dead_) return;  // still inside connect(), or on the way out
  if (stream_ && !stream_dead_ && !connection_->directory().contains(stream_->node().serial)) {
    stream_dead_ = true;
    on_lost(fmt::format("{} went away", to_string(stream_->node())));
    schedule(0ns);
  } else if (!stream_ && lost_) {
    schedule(0ns);
  }
}

void PipeWireSource::on_lost(const std::string& reason) {
  if (!lost_) tell_lost(reason);
}

void PipeWireSource::tell_lost(const std::string& reason) {
  if (lost_ && told_ == reason) return;
  lost_ = true;
  told_ = reason;
  listener_->on_state(CaptureState::kLost, reason);
}

void PipeWireSource::on_stream_failed(const std::string& reason) {
  // Some producers refuse a format that mentions maxFramerate (older KWin, Mutter with 0/1).
  if (!streamed_) {
    max_framerate_ =
        max_framerate_ == MaxFramerate::kOffer ? MaxFramerate::kOmit : MaxFramerate::kOffer;
  }
  Error error;
  error.kind = ErrorKind::kFormatRejected;
  error.message = fmt::format("{} refuses every format: {}", to_string(stream_->node()), reason);
  error.hint = wishes_.app_id == 0
                   ? "lumen takes BGRx, BGRA, RGBx, RGBA and NV12; is a session manager "
                     "(WirePlumber) running?"
                   : "an old PipeWire (0.3.65 is) can't ask a gamescope for an application: try "
                     "without :app";
  ask_again(reason, std::move(error));
}

void PipeWireSource::on_stream_unusable() {
  if (stream_dead_) return;  // told before, or another stream is on its way
  Error error;
  error.kind = ErrorKind::kUnsupported;
  error.message =
      fmt::format("{} sends only buffers that can't be used", to_string(stream_->node()));
  error.hint =
      "lumen takes memfds, dmabufs and shared pointers; LUMEN_DEBUG=capture tells what "
      "came instead";
  ask_again("none of its buffers can be used", std::move(error));
}

void PipeWireSource::ask_again(const std::string& reason, Error in_the_end) {
  stream_dead_ = true;
  if (streamed_) {
    on_lost(reason);
  } else {
    log::area("capture").debug("{}: {}; asking again", to_string(stream_->node()), reason);
    if (++refusals_ >= kRefusalsUntilFailure) {
      listener_->on_failure(std::move(in_the_end));
      return;
    }
  }
  schedule(next_delay());
}

void PipeWireSource::on_sync_failed(const std::string& reason) {
  if (!sync_) return;  // another buffer of the same stream
  sync_.reset();
  stream_dead_ = true;
  log::area("capture").warn("{}: going on without explicit sync: {}", to_string(stream_->node()),
                            reason);
  schedule(0ns);
}

void PipeWireSource::on_stream_state(CaptureState state) {
  // As far as it is to come while nobody wants frames.
  const bool rests = state == CaptureState::kPaused && flow_ == StreamFlow::kPaused;
  if (state == CaptureState::kStreaming) streamed_ = true;
  if (state == CaptureState::kStreaming || rests) {
    if (std::exchange(lost_, false)) reconnects_.fetch_add(1);
  } else if (lost_) {
    return;  // on its way back
  }
  listener_->on_state(state, "");
}

Nanoseconds PipeWireSource::next_delay() {
  const std::uint64_t received = counters_.received.load();
  if (std::exchange(received_before_, received) != received) failures_ = 0;
  const unsigned doublings = std::min(failures_++, 10U);
  return std::min(kFirstDelay * (1U << doublings), kLongestDelay);
}

void PipeWireSource::schedule(Nanoseconds delay) {
  if (lost_ && gone_ == GoneNode::kIsTheEnd) return;
  // A timer of 0 would be disarmed.
  timespec when{.tv_sec = delay.count() / 1'000'000'000,
                .tv_nsec = std::max<long>(1, delay.count() % 1'000'000'000)};
  pw_loop_update_timer(loop_->loop(), timer_, &when, nullptr, false);
}

// Rebuilds whatever is missing, in dependency order. Runs from the timer, never inside an event of
// the things that it destroys.
void PipeWireSource::recover() {
  if (lost_ && gone_ == GoneNode::kIsTheEnd) return;
  if (stream_dead_ || connection_dead_) stream_.reset();
  if (connection_dead_) {
    connection_.reset();
    last_.reset();  // another daemon counts anew
  }
  if (!connection_) {
    if (auto connected = connect(); !connected) {
      schedule(next_delay());
      return;
    }
  }
  if (stream_) return;
  // A new connection's registry arrives in a moment and calls on_nodes_changed().
  const auto node = next_node();
  if (!node) return;
  if (auto opened = open_stream(*node); !opened) {
    log::area("capture").debug("{}", opened.error().describe());
    schedule(next_delay());
  }
}

// Of several that may be meant, the one that was streamed, as long as it is there.
std::optional<NodeInfo> PipeWireSource::next_node() {
  const auto nodes = connection_->directory().nodes();
  if (auto clear = check_unambiguous(nodes, selector_, AbsentSource::kIsAwaited); !clear) {
    auto same = last_ ? select(nodes, *last_) : std::nullopt;
    if (same) return same;
    unclear_ = true;
    tell_lost(clear.error().message);
    return std::nullopt;
  }
  auto node = select(nodes, selector_);
  if (std::exchange(unclear_, false) && !node) tell_lost(node_not_found(nodes, selector_).message);
  return node;
}

void PipeWireSource::renegotiate(std::vector<FormatOffer> offers) {
  if (!loop_) return;
  const ThreadLoop::Lock lock(*loop_);
  request_.offers = offers;
  if (!stream_ || stream_dead_) return;
  if (auto done = stream_->renegotiate(std::move(offers)); !done) {
    on_stream_failed(done.error().message);
  }
}

CaptureStats PipeWireSource::stats() const {
  CaptureStats stats;
  stats.received = counters_.received.load();
  stats.superseded = counters_.superseded.load();
  stats.corrupted = counters_.corrupted.load();
  stats.empty = counters_.empty.load();
  stats.invalid = counters_.invalid.load();
  stats.reconnects = reconnects_.load();
  stats.leases_out = counters_.leases_out->load();
  return stats;
}

std::string PipeWireSource::describe() const {
  const std::scoped_lock lock(description_mutex_);
  return description_.empty() ? "PipeWire " + to_string(selector_) : description_;
}

}  // namespace lumen::pipewire
