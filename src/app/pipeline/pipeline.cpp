#include "app/pipeline/pipeline.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "app/pipeline/damage_tracker.h"
#include "app/pipeline/source_factory.h"
#include "app/status/status_json.h"
#include "core/log.h"
#include "sink/sink_registry.h"

namespace lumen {
namespace {

tl::unexpected<Failure> failure_of(ExitCode code, Error error) {
  return tl::unexpected(Failure{code, std::move(error)});
}

ExitCode output_code(const Error& error) {
  return error.kind == ErrorKind::kInvalidArgument ? ExitCode::kUsage : ExitCode::kOutputFailed;
}

ExitCode source_code(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument: return ExitCode::kUsage;
    case ErrorKind::kNotFound: return ExitCode::kSourceNotFound;
    case ErrorKind::kDeviceLost: return ExitCode::kPipeWireUnreachable;
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

/// --sdp belongs to the first RTP sink that has no path of its own, --mirror to the first sink that
/// makes RTP packets.
Result<std::vector<SinkSpec>> parse_sinks(const StreamOptions& options,
                                          const EncoderSettings& video) {
  std::vector<SinkSpec> specs;
  bool sdp_placed = !options.sdp_path;
  bool mirror_placed = !options.mirror;
  for (const std::string& text : options.sinks) {
    auto spec = parse_sink_spec(text);
    if (!spec) return tl::unexpected(std::move(spec.error()));
    auto* rtp = std::get_if<RtpSettings>(&*spec);
    if (!sdp_placed && rtp != nullptr && rtp->sdp_path.empty()) {
      rtp->sdp_path = *options.sdp_path;
      sdp_placed = true;
    }
    mirror_placed = mirror_placed || mirror(*spec, *options.mirror);
    if (auto* web = std::get_if<WebSettings>(&*spec)) {
      web->show_qr = options.show_qr;
      web->stream = {.codec = video.codec, .chroma = video.chroma, .bit_depth = video.bit_depth};
    }
    specs.push_back(std::move(*spec));
  }
  if (!sdp_placed) {
    return fail(ErrorKind::kInvalidArgument, "--sdp describes an RTP stream, but there is none",
                "add --sink rtp:127.0.0.1:5004, or leave --sdp out");
  }
  return specs;
}

std::string_view text_of(FrameRate rate, std::string& storage) {
  storage = rate.variable() ? "variable rate" : fmt::format("{:.4g} fps", rate.value());
  return storage;
}

}  // namespace

Pipeline::Pipeline(const StreamOptions& options, EncodingPlan plan, std::function<void()> wake)
    : options_(options), plan_(std::move(plan)), wake_(std::move(wake)), repairs_(plan_.repairs) {}

tl::expected<std::unique_ptr<Pipeline>, Failure> Pipeline::create(const StreamOptions& options,
                                                                  std::function<void()> wake) {
  auto plan = plan_encoding(options);
  if (!plan) return failure_of(ExitCode::kUsage, std::move(plan.error()));
  std::unique_ptr<Pipeline> self(new Pipeline(options, std::move(*plan), std::move(wake)));
  if (auto prepared = self->prepare(); !prepared) {
    return tl::unexpected(std::move(prepared.error()));
  }
  return self;
}

Pipeline::~Pipeline() { stop(); }

tl::expected<void, Failure> Pipeline::prepare() {
  auto source = create_source(options_.source);
  if (!source) return failure_of(source_code(source.error()), std::move(source.error()));
  source_ = std::move(*source);

  if (options_.trace_path) {
    auto trace = TraceWriter::create(*options_.trace_path);
    if (!trace) return failure_of(ExitCode::kOutputFailed, std::move(trace.error()));
    trace_ = std::move(*trace);
  }

  auto specs = parse_sinks(options_, plan_.video);
  if (!specs) return failure_of(ExitCode::kUsage, std::move(specs.error()));
  bandwidths_.resize(specs->size());
  for (const SinkSpec& spec : *specs) {
    auto sink = create_sink(spec);
    if (!sink) return failure_of(output_code(sink.error()), std::move(sink.error()));
    const std::size_t index = sinks_.size();
    (*sink)->connect(
        {.key_frame = [this] { repairs_.request(KeyFrameReason::kReceiver); },
         .loss = [this](Timestamp first, Timestamp last) { repairs_.report_loss(first, last); },
         .bandwidth = [this, index](std::uint64_t rate) { on_bandwidth(index, rate); },
         .quality = [this](std::string_view id) { return adaptation_->set_quality(id); }});
    sinks_.push_back(std::make_unique<SinkRunner>(
        std::move(*sink), ledger_, trace_.get(),
        SinkRunner::Callbacks{
            .key_frame_needed = [this] { repairs_.request(KeyFrameReason::kSinkOverflow); },
            .failed = [this](const std::string&, const Error& error) { on_sink_failed(error); },
            .happened = [this](StreamEvent event) { events_.add(std::move(event)); }}));
  }
  sinks_alive_ = static_cast<unsigned>(sinks_.size());
  AdaptationSettings adaptation = options_.adaptation;
  adaptation.may_change_size =
      std::ranges::all_of(sinks_, [](const auto& sink) { return sink->takes_new_sizes(); });
  adaptation_.emplace(adaptation);
  schedule_key_frames();

  if (auto prepared = prepare_audio(); !prepared) {
    return failure_of(ExitCode::kUsage, std::move(prepared.error()));
  }

  loop_ = std::make_unique<EncodeLoop>(
      loop_settings(options_, plan_), slot_, repairs_, *adaptation_, trace_.get(),
      EncodeLoop::Callbacks{
          .encoded = [this](const EncodedFrame& frame) { on_encoded(frame); },
          .renegotiate =
              [this](std::vector<FormatOffer> offers) { source_->renegotiate(std::move(offers)); },
          .finished =
              [this](std::optional<Error> error) {
                if (!error) return end(std::nullopt);
                const ExitCode code = loop_code(*error);
                end(Failure{code, std::move(*error)});
              },
          .backlog = [this] { return backlog(); },
          .happened = [this](StreamEvent event) { events_.add(std::move(event)); }});
  return {};
}

Result<void> Pipeline::prepare_audio() {
  auto source = create_audio_source(options_.audio, options_.source);
  if (!source) return tl::unexpected(std::move(source.error()));
  if (*source == nullptr) return {};
  auto loop = AudioLoop::create(std::move(*source), [this](const AudioPacket& packet) {
    for (const auto& sink : sinks_) sink->offer(packet);
  });
  if (!loop) return tl::unexpected(std::move(loop.error()));
  audio_ = std::move(*loop);
  return {};
}

tl::expected<void, Failure> Pipeline::start() {
  started_ = last_status_ = now();
  // A node that was named will come, if it isn't there yet.
  if (audio_ && (audio_->start() || !std::holds_alternative<AutoAudio>(options_.audio))) {
    for (const auto& sink : sinks_) sink->expect_audio(audio_->parameters());
  }
  auto offers = loop_->start();
  if (!offers) {
    const bool required = offers.error().domain == Planner::kErrorDomain;
    return failure_of(required ? ExitCode::kZeroCopyUnavailable : ExitCode::kCaptureFailed,
                      std::move(offers.error()));
  }
  const CaptureRequest request = {.offers = std::move(*offers),
                                  .max_rate = options_.fps,
                                  .preferred_size = options_.size.value_or(Extent{1920, 1080})};
  if (auto started = source_->start(request, *this); !started) {
    return failure_of(source_code(started.error()), std::move(started.error()));
  }
  log::area("capture").info("{}", source_->describe());
  if (audio_) audio_->tell();
  return {};
}

void Pipeline::stop() {
  if (source_) source_->stop();
  slot_.close();
  if (loop_) loop_->join();
  if (audio_) audio_->stop();
  for (const auto& sink : sinks_) sink->finish();
}

bool Pipeline::finished() const {
  const std::scoped_lock lock(mutex_);
  return finished_;
}

bool Pipeline::negotiated() const {
  const std::scoped_lock lock(mutex_);
  return format_.has_value();
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

void Pipeline::on_frame(CapturedFrame frame) { slot_.put(std::move(frame), inherit_damage); }

void Pipeline::on_format(const CaptureFormat& format) {
  std::string storage;
  log::area("capture").info(
      "{} {}x{}, {}, {}", to_string(format.format), format.size.width, format.size.height,
      text_of(format.rate.variable() ? format.max_rate : format.rate, storage), format.memory);
  loop_->set_format(format);
  const std::scoped_lock lock(mutex_);
  format_ = format;
}

void Pipeline::on_state(CaptureState state, const std::string& reason) {
  CaptureState before{};
  {
    const std::scoped_lock lock(mutex_);
    before = std::exchange(state_, state);
    reason_ = reason;
  }
  if (state == CaptureState::kLost) {
    log::area("capture").warn("{}; waiting for it to come back", reason);
  } else if (before == CaptureState::kLost) {
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
  const bool periodic = plan_.schedule == KeyFrameSchedule::kPeriodic ||
                        (plan_.schedule == KeyFrameSchedule::kAsSinksNeed &&
                         std::ranges::any_of(sinks_, [](const auto& sink) {
                           return sink->needs_periodic_key_frames();
                         }));
  repairs_.set_periodic(periodic ? PeriodicKeyFrames::kOn : PeriodicKeyFrames::kOff);
}

void Pipeline::on_encoded(const EncodedFrame& frame) {
  if (frame.last) schedule_key_frames();
  for (const auto& sink : sinks_) sink->offer(frame);
}

// The narrowest way decides, since there is one encoding for all.
void Pipeline::on_bandwidth(std::size_t sink, std::uint64_t bits_per_second) {
  std::uint64_t narrowest = 0;
  const std::scoped_lock lock(mutex_);
  bandwidths_[sink] = bits_per_second;
  for (const std::uint64_t rate : bandwidths_) {
    if (rate != 0) narrowest = narrowest == 0 ? rate : std::min(narrowest, rate);
  }
  adaptation_->set_bandwidth(narrowest);
}

// Half a second of pictures is a full queue: what waits longer comes late.
double Pipeline::backlog() const {
  std::size_t longest = 0;
  for (const auto& sink : sinks_) longest = std::max(longest, sink->backlog());
  return static_cast<double>(longest) / std::max(1.0, options_.fps.value() / 2);
}

void Pipeline::on_sink_failed(const Error& error) {
  bool last = false;
  {
    const std::scoped_lock lock(mutex_);
    last = --sinks_alive_ == 0;
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
  const CaptureStats capture = source_->stats();
  const Timestamp time = now();
  const double seconds = std::max(1e-3, std::chrono::duration<double>(time - last_status_).count());

  StreamStatus status;
  {
    const std::scoped_lock lock(mutex_);
    status.state = state_locked();
    status.state_reason = failure_ ? failure_->error.message : reason_;
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
    const double streamed =
        std::max(1e-3, std::chrono::duration<double>(time - encode.first_frame).count());
    status.average_bitrate_bps =
        static_cast<std::uint64_t>(static_cast<double>(encode.bytes) * 8 / streamed);
  }
  status.adaptation = adaptation_->status();
  status.target_bitrate_bps = status.adaptation.shape.bitrate_bps;
  status.events = events_.latest();
  status.captured_fps = static_cast<double>(capture.received - last_captured_) / seconds;
  status.encoded_fps = static_cast<double>(encode.frames - last_encoded_) / seconds;
  status.bitrate_bps =
      static_cast<std::uint64_t>(static_cast<double>(encode.bytes - last_bytes_) * 8 / seconds);
  last_status_ = time;
  last_captured_ = capture.received;
  last_encoded_ = encode.frames;
  last_bytes_ = encode.bytes;

  status.counters = {.captured = capture.received,
                     .encoded = encode.frames,
                     .superseded = capture.superseded + slot_.replaced(),
                     .skipped = encode.skipped,
                     .repeated = encode.repeated,
                     .key_frames = encode.key_frames,
                     .reconnects = capture.reconnects,
                     .damage_known = encode.damage_known,
                     .damage_share = encode.damage_share};
  for (const auto& sink : sinks_) {
    const SinkRunner::Status now_is = sink->status();
    status.sinks.push_back({.name = now_is.description,
                            .state = now_is.error  ? SinkState::kFailed
                                     : now_is.done ? SinkState::kClosed
                                                   : SinkState::kRunning,
                            .error = now_is.error ? now_is.error->describe() : "",
                            .stats = now_is.stats,
                            .dropped = now_is.dropped});
  }
  if (audio_) status.audio = audio_->status();
  status.importers = encode.importers;
  status.encoders = encode.encoders;
  status.interval = ledger_.take_interval().all;
  status.total = ledger_.total().all;
  const std::string shown = to_viewer_json(status);
  for (const auto& sink : sinks_) sink->show_status(shown);
  return status;
}

}  // namespace lumen
