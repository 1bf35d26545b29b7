#include "app/pipeline/pipeline.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "app/pipeline/damage_tracker.h"
#include "app/pipeline/sink_specs.h"
#include "app/pipeline/source_factory.h"
#include "app/status/status_json.h"
#include "core/log.h"

namespace lumen {
namespace {

tl::unexpected<Failure> failure_of(ExitCode code, Error error) {
  return tl::unexpected(Failure{code, std::move(error)});
}

ExitCode output_code(const Error& error) {
  return error.kind == ErrorKind::kInvalidArgument ? ExitCode::kUsage : ExitCode::kOutputFailed;
}

/// Of what a source may tell beside its pictures: where they have the pointer or must not, nothing.
CursorWish cursor_wish(session::CursorMode mode) {
  const bool beside = mode == session::CursorMode::kAuto || mode == session::CursorMode::kMetadata;
  return beside ? CursorWish::kBeside : CursorWish::kIgnored;
}

ExitCode source_code(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument: return ExitCode::kUsage;
    case ErrorKind::kNotFound: return ExitCode::kSourceNotFound;
    case ErrorKind::kDeviceLost: return ExitCode::kPipeWireUnreachable;
    case ErrorKind::kCancelled: return ExitCode::kDeclined;
    default: return ExitCode::kCaptureFailed;
  }
}

ExitCode loop_code(const Error& error) {
  if (error.domain == Planner::kErrorDomain) return ExitCode::kZeroCopyUnavailable;
  const bool encoder =
      error.kind == ErrorKind::kUnsupported || error.kind == ErrorKind::kInvalidArgument;
  return encoder ? ExitCode::kEncoderUnavailable : ExitCode::kCaptureFailed;
}

EncodeLoopSettings loop_settings(const StreamOptions& options, const EncodingPlan& plan) {
  EncodeLoopSettings settings;
  settings.encoder = to_string(options.encoder);
  settings.video = plan.video;
  settings.size = options.size;
  settings.use_damage = options.use_damage;
  settings.zerocopy = options.zerocopy;
  settings.frame_limit = options.frames;
  return settings;
}

Error with_wait_hint(Error error) {
  if (error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kDeviceLost) {
    error.hint += std::string(error.hint.empty() ? "" : "; ") + "--wait waits for it";
  }
  return error;
}

std::string_view text_of(FrameRate rate, std::string& storage) {
  storage = rate.variable() ? "variable rate" : fmt::format("{:.4g} fps", rate.value());
  return storage;
}

}  // namespace

Pipeline::Pipeline(const StreamOptions& options, EncodingPlan plan, std::function<void()> wake,
                   ControlRequest control)
    : options_(options),
      plan_(std::move(plan)),
      highest_rate_(options.fps),
      schedule_(plan_.schedule),
      wake_(std::move(wake)),
      control_(std::move(control)),
      repairs_(plan_.repairs) {}

tl::expected<std::unique_ptr<Pipeline>, Failure> Pipeline::create(const StreamOptions& options,
                                                                  std::function<void()> wake,
                                                                  ControlRequest control) {
  auto plan = plan_encoding(options);
  if (!plan) return failure_of(ExitCode::kUsage, std::move(plan.error()));
  std::unique_ptr<Pipeline> self(
      new Pipeline(options, std::move(*plan), std::move(wake), std::move(control)));
  if (auto prepared = self->prepare(); !prepared) {
    return tl::unexpected(std::move(prepared.error()));
  }
  return self;
}

Pipeline::~Pipeline() { stop(); }

tl::expected<void, Failure> Pipeline::prepare() {
  started_ = now();
  const auto absent = options_.wait_for_source ? AbsentSource::kIsAwaited : AbsentSource::kIsError;
  auto source = create_source(
      options_.source, {.absent = absent, .cursor = options_.cursor, .host = options_.host_name});
  if (!source) {
    return failure_of(source_code(source.error()), with_wait_hint(std::move(source.error())));
  }
  source_ = std::move(*source);

  if (options_.trace_path) {
    auto trace = TraceWriter::create(*options_.trace_path);
    if (!trace) return failure_of(ExitCode::kOutputFailed, std::move(trace.error()));
    trace_ = std::move(*trace);
  }

  auto specs = parse_sinks(options_, plan_.video);
  if (!specs) return failure_of(ExitCode::kUsage, std::move(specs.error()));
  for (std::size_t i = 0; i < specs->size(); ++i) {
    auto sink = make_sink(options_.sinks[i], std::move((*specs)[i]), sinks_.next_id());
    if (!sink) return failure_of(output_code(sink.error()), std::move(sink.error()));
    sinks_.add(std::move(*sink));
  }
  // The test pattern is nobody's screen.
  if (options_.notify && !std::holds_alternative<SyntheticSpec>(options_.source)) {
    notice_ = std::make_unique<WatchNotice>();
  }
  adaptation_.emplace(adaptation_settings(sinks_.all_take_new_sizes()));
  schedule_key_frames();

  if (auto prepared = prepare_audio(); !prepared) {
    return failure_of(ExitCode::kUsage, std::move(prepared.error()));
  }

  loop_ = std::make_unique<EncodeLoop>(
      loop_settings(options_, plan_), slot_, repairs_, *adaptation_, trace_.get(),
      EncodeLoop::Callbacks{
          .encoded = [this](const EncodedFrame& frame,
                            PictureOrigin origin) { on_encoded(frame, origin); },
          .renegotiate =
              [this](std::vector<FormatOffer> offers) {
                const std::scoped_lock lock(source_mutex_);
                source_->renegotiate(std::move(offers));
              },
          .finished =
              [this](std::optional<Error> error) {
                if (!error) return end(std::nullopt);
                const ExitCode code = loop_code(*error);
                end(Failure{code, std::move(*error)});
              },
          .backlog = [this] { return backlog(); },
          .happened = [this](StreamEvent event) { events_.add(std::move(event)); },
          .demand = [this] { return demand(); },
          .flow = [this](EncodeLoop::Flow flow) { on_flow(flow); }});
  return {};
}

Result<void> Pipeline::prepare_audio() {
  auto source = create_audio_source(options_.audio, options_.source);
  if (!source) return tl::unexpected(std::move(source.error()));
  if (*source == nullptr) return {};
  auto loop = AudioLoop::create(std::move(*source), [this](const AudioPacket& packet) {
    if (!held_) sinks_.offer(packet);
  });
  if (!loop) return tl::unexpected(std::move(loop.error()));
  audio_ = std::move(*loop);
  return {};
}

tl::expected<void, Failure> Pipeline::start() {
  const auto starting = std::move(not_started_);
  last_status_ = now();
  // A node that was named will come, if it isn't there yet.
  if (audio_ && (audio_->start() || !std::holds_alternative<AutoAudio>(options_.audio))) {
    audio_expected_ = true;
    sinks_.expect_audio(audio_->parameters());
  }
  auto offers = loop_->start();
  if (!offers) {
    const bool required = offers.error().domain == Planner::kErrorDomain;
    return failure_of(required ? ExitCode::kZeroCopyUnavailable : ExitCode::kCaptureFailed,
                      std::move(offers.error()));
  }
  request_ = {.offers = std::move(*offers),
              .max_rate = options_.fps,
              .preferred_size = options_.size.value_or(Extent{1920, 1080}),
              .cursor = cursor_wish(options_.cursor)};
  if (auto started = start_source(); !started) {
    return failure_of(source_code(started.error()), with_wait_hint(std::move(started.error())));
  }
  log::area("capture").info("{}", source_->describe());
  if (audio_) audio_->tell();
  return {};
}

void Pipeline::stop() {
  if (not_started_.owns_lock()) not_started_.unlock();
  const std::scoped_lock one_at_a_time(operations_);
  if (source_) {
    const std::scoped_lock lock(source_mutex_);
    source_->stop();
  }
  slot_.close();
  if (loop_) loop_->join();
  if (audio_) audio_->stop();
  sinks_.finish();
  notice_.reset();
}

bool Pipeline::finished() const {
  const std::scoped_lock lock(mutex_);
  return finished_;
}

bool Pipeline::negotiated() const {
  const std::scoped_lock lock(mutex_);
  return format_.has_value();
}

bool Pipeline::source_lost() const {
  const std::scoped_lock lock(mutex_);
  return state_ == CaptureState::kLost;
}

std::optional<Failure> Pipeline::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void Pipeline::end(std::optional<Failure> failure) {
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
    if (failure && !failure_) failure_ = std::move(failure);
  }
  wake_();
}

void Pipeline::on_frame(CapturedFrame frame) { slot_.put(std::move(frame), supersede); }

void Pipeline::on_format(const CaptureFormat& format) {
  std::string storage;
  log::area("capture").info(
      "{} {}x{}, {} bits, {}, {}, {}{}", to_string(format.format), format.size.width,
      format.size.height, bit_depth(format.format), describe(format.color),
      text_of(format.rate.variable() ? format.max_rate : format.rate, storage), format.memory,
      format.cursor_beside ? ", cursor as metadata" : "");
  loop_->set_format(format);
  const std::scoped_lock lock(mutex_);
  format_ = format;
}

void Pipeline::on_state(CaptureState state, const std::string& reason) {
  CaptureState before{};
  bool streamed = false;
  {
    const std::scoped_lock lock(mutex_);
    before = std::exchange(state_, state);
    reason_ = reason;
    streamed = format_.has_value();
  }
  if (state == CaptureState::kLost) {
    loop_->source_lost(reason);
    log::area("capture").warn("{}; waiting{}", reason, streamed ? " for it to come back" : "");
  } else if (before == CaptureState::kLost) {
    loop_->source_found();
    log::area("capture").info("{}: {} again", source_->describe(), to_string(state));
  } else {
    log::area("capture").debug("{}", to_string(state));
  }
  if (state == CaptureState::kEnded) end(std::nullopt);
}

void Pipeline::on_failure(Error error) {
  const ExitCode code = source_code(error);
  end(Failure{code, std::move(error)});
}

// Receivers of a sink may come to show that they can ask.
void Pipeline::schedule_key_frames() {
  const KeyFrameSchedule schedule = schedule_;
  const bool periodic =
      schedule == KeyFrameSchedule::kPeriodic ||
      (schedule == KeyFrameSchedule::kAsSinksNeed && sinks_.needs_periodic_key_frames());
  repairs_.set_periodic(periodic ? PeriodicKeyFrames::kOn : PeriodicKeyFrames::kOff);
}

void Pipeline::on_encoded(const EncodedFrame& frame, PictureOrigin origin) {
  if (frame.last) schedule_key_frames();
  sinks_.offer(frame, origin);
}

Demand Pipeline::demand() {
  if (notice_) notice_->set_viewers(source_->has_indicator() ? 0 : sinks_.viewers());
  return sinks_.demand();
}

// Privacy: the compositor is told that nobody looks.
void Pipeline::on_flow(EncodeLoop::Flow flow) {
  const bool rests = flow == EncodeLoop::Flow::kResting;
  {
    const std::scoped_lock lock(source_mutex_);
    rests ? source_->pause() : source_->resume();
  }
  if (audio_) rests ? audio_->pause() : audio_->resume();
  resting_ = rests;
  log::area("stream").debug(rests ? "nobody watches: the source is paused"
                                  : "somebody comes: the source goes on");
  wake_();
}

// Half a second of pictures is a full queue: what waits longer comes late.
double Pipeline::backlog() const {
  return static_cast<double>(sinks_.backlog()) / std::max(1.0, highest_rate_.value() / 2);
}

void Pipeline::on_sink_failed(const Error& error) {
  const bool last = !sinks_.any_running();
  {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = Failure{ExitCode::kOutputFailed, error, true};
  }
  if (last) {
    end(std::nullopt);
  } else {
    log::area("sink").info("the other outputs go on");
  }
}

StreamState Pipeline::state_locked() const {
  if (failure_ && finished_) return StreamState::kFailed;
  if (finished_) return StreamState::kEnded;
  if (held_) return StreamState::kPaused;
  if (resting_ && state_ != CaptureState::kLost) return StreamState::kIdle;
  switch (state_) {
    case CaptureState::kConnecting: return StreamState::kConnecting;
    case CaptureState::kStreaming: return StreamState::kStreaming;
    case CaptureState::kPaused: return StreamState::kPaused;
    case CaptureState::kLost: return StreamState::kReconnecting;
    case CaptureState::kEnded: break;
  }
  return StreamState::kEnded;
}

StreamStatus Pipeline::take_status() {
  const EncodeStatus encode = loop_->status();
  const std::uint64_t captured = source_->stats().received;
  const Timestamp time = now();
  const double seconds = std::max(1e-3, std::chrono::duration<double>(time - last_status_).count());
  Rates rates;
  // A source that was taken up again may count from 0.
  rates.captured_fps = static_cast<double>(captured - std::min(captured, last_captured_)) / seconds;
  rates.encoded_fps = static_cast<double>(encode.frames - last_encoded_) / seconds;
  rates.bitrate_bps =
      static_cast<std::uint64_t>(static_cast<double>(encode.bytes - last_bytes_) * 8 / seconds);
  rates.interval = ledger_.take_interval().all;
  last_status_ = time;
  last_captured_ = captured;
  last_encoded_ = encode.frames;
  last_bytes_ = encode.bytes;
  {
    const std::scoped_lock lock(mutex_);
    rates_ = rates;
  }
  StreamStatus now_is = status();
  sinks_.show_status(to_viewer_json(now_is));
  return now_is;
}

StreamStatus Pipeline::status() const {
  const EncodeStatus encode = loop_->status();
  const CaptureStats capture = source_->stats();
  const Timestamp time = now();

  StreamStatus status;
  {
    const std::scoped_lock lock(mutex_);
    status.state = state_locked();
    status.state_reason = failure_ ? failure_->error.message : reason_;
    status.captured_fps = rates_.captured_fps;
    status.encoded_fps = rates_.encoded_fps;
    status.bitrate_bps = rates_.bitrate_bps;
    status.interval = rates_.interval;
    status.capture = format_;
  }
  status.uptime = time - started_;
  status.started = started_;
  status.source = source_->describe();
  status.route = encode.route;
  status.pool = encode.pool;
  if (encode.stream) {
    status.encoder = encode.stream->encoder;
    status.codec = encode.stream->codec;
    status.size = encode.stream->size;
    status.bit_depth = encode.bit_depth;
    status.color = encode.color;
    const double streamed =
        std::max(1e-3, std::chrono::duration<double>(time - encode.first_frame).count());
    status.average_bitrate_bps =
        static_cast<std::uint64_t>(static_cast<double>(encode.bytes) * 8 / streamed);
  }
  status.adaptation = adaptation_->status();
  status.target_bitrate_bps = status.adaptation.shape.bitrate_bps;
  status.events = events_.latest();
  status.counters = {.captured = capture.received,
                     .encoded = encode.frames,
                     .superseded = capture.superseded + slot_.replaced(),
                     .skipped = encode.skipped,
                     .repeated = encode.repeated,
                     .waiting = encode.waiting,
                     .key_frames = encode.key_frames,
                     .reconnects = capture.reconnects,
                     .damage_known = encode.damage_known,
                     .damage_share = encode.damage_share};
  status.sinks = sinks_.status();
  if (audio_) status.audio = audio_->status();
  status.importers = encode.importers;
  status.encoders = encode.encoders;
  status.total = ledger_.total().all;
  return status;
}

}  // namespace lumen
