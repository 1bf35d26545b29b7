// What can be changed about a pipeline while it runs.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/pipeline/pipeline.h"
#include "app/pipeline/sink_specs.h"
#include "core/log.h"
#include "sink/sink_registry.h"

namespace lumen {
namespace {

/// A profile that was chosen for a browser stays when that has gone: another one would disturb the
/// rest for nothing.
void keep_profile(EncoderSettings& video, const EncoderSettings& before) {
  if (video.codec == before.codec && video.profile == Profile::kAuto) {
    video.profile = before.profile;
  }
}

StreamEvent connection_event(const std::string& sink, const Error* lost) {
  if (lost == nullptr) {
    return {.kind = EventKind::kSenderStarted, .subject = sink, .reason = "connected"};
  }
  return {.kind = EventKind::kTransportError,
          .subject = sink,
          .reason = std::string(reason_code(lost->kind)),
          .text = lost->describe() + "; trying again"};
}

}  // namespace

Result<RunningSink> Pipeline::make_sink(const std::string& text, SinkSpec spec, unsigned id) {
  auto sink = create_sink(spec);
  if (!sink) return tl::unexpected(std::move(sink.error()));
  (*sink)->connect(
      {.key_frame = [this] { repairs_.request(KeyFrameReason::kReceiver); },
       .loss = [this](Timestamp first, Timestamp last) { repairs_.report_loss(first, last); },
       .bandwidth =
           [this, id](std::uint64_t rate) {
             adaptation_->set_bandwidth(sinks_.set_bandwidth(id, rate));
           },
       .quality = [this](std::string_view choice) { return adaptation_->set_quality(choice); },
       .control = control_,
       .demand = [this] { slot_.interrupt(); },
       .connection = [this, name = (*sink)->describe()](
                         const Error* lost) { events_.add(connection_event(name, lost)); }});
  auto runner = std::make_shared<SinkRunner>(
      std::move(*sink), ledger_, trace_.get(),
      SinkRunner::Callbacks{
          .key_frame_needed = [this] { repairs_.request(KeyFrameReason::kSinkOverflow); },
          .failed = [this](const std::string&, const Error& error) { on_sink_failed(error); },
          .happened = [this](StreamEvent event) { events_.add(std::move(event)); }});
  return RunningSink{.id = id, .text = text, .spec = std::move(spec), .runner = std::move(runner)};
}

void Pipeline::attach(RunningSink sink) {
  if (audio_ && audio_expected_) sink.runner->expect_audio(audio_->parameters());
  sinks_.add(std::move(sink));
  slot_.interrupt();  // it may want frames, and nobody else does
  repairs_.request(KeyFrameReason::kUser);
}

AdaptationSettings Pipeline::adaptation_settings(bool sizes_may_change) const {
  AdaptationSettings settings = options_.adaptation;
  settings.may_change_size = sizes_may_change;
  return settings;
}

// Under operations_.
Result<void> Pipeline::adopt(StreamOptions next, AdaptationSettings adaptation,
                             std::optional<Extent> size, std::function<void()> before_first) {
  auto plan = plan_encoding(next);
  if (!plan) return tl::unexpected(std::move(plan.error()));
  keep_profile(plan->video, plan_.video);
  auto changed = loop_->change({.video = plan->video, .size = size, .adaptation = adaptation},
                               std::move(before_first));
  if (!changed) return changed;
  options_ = std::move(next);
  plan_ = std::move(*plan);
  schedule_ = plan_.schedule;
  return {};
}

// The depth in the plan may be a wish.
EncoderSettings Pipeline::streamed(const EncoderSettings& planned) const {
  EncoderSettings video = plan_.video;
  const unsigned depth = loop_->status().bit_depth;
  video.bit_depth = depth != 0 ? depth : planned.bit_depth;
  return video;
}

Result<Pipeline::SinkInfo> Pipeline::add_sink(const std::string& text) {
  const std::scoped_lock one_at_a_time(operations_);
  StreamOptions next = options_;
  next.sinks.push_back(text);
  const auto plan = plan_encoding(next);
  if (!plan) return tl::unexpected(plan.error());
  auto spec = parse_sink(text, options_, streamed(plan->video));
  if (!spec) return tl::unexpected(std::move(spec.error()));
  auto sink = make_sink(text, std::move(*spec), sinks_.next_id());
  if (!sink) return tl::unexpected(std::move(sink.error()));
  // A recording has one size: it must not begin with one that adaptation takes back.
  const bool sizes = sinks_.all_take_new_sizes() && sink->runner->takes_new_sizes();
  if (auto adopted = adopt(std::move(next), adaptation_settings(sizes), {}, {}); !adopted) {
    sink->runner->finish();
    return tl::unexpected(std::move(adopted.error()));
  }
  SinkInfo info{.id = sink->id, .name = sink->runner->status().description};
  log::area("sink").info("{} added", info.name);
  attach(std::move(*sink));
  return info;
}

std::optional<unsigned> Pipeline::find_sink(const std::string& spec) const {
  for (const RunningSink& sink : sinks_.all()) {
    if (sink.text == spec) return sink.id;
  }
  return std::nullopt;
}

Result<Pipeline::SinkInfo> Pipeline::remove_sink(unsigned id) {
  const std::scoped_lock one_at_a_time(operations_);
  auto sink = sinks_.take(id);
  if (!sink) {
    return fail(ErrorKind::kNotFound, fmt::format("there is no sink {}", id),
                "'lumen-host status' lists them");
  }
  SinkInfo info{.id = id, .name = sink->runner->status().description};
  sink->runner->finish("removed");
  log::area("sink").info("{} removed", info.name);
  adaptation_->set_bandwidth(sinks_.set_bandwidth(id, 0));
  StreamOptions next = options_;
  next.sinks = sinks_.texts();
  (void)adopt(std::move(next), adaptation_settings(sinks_.all_take_new_sizes()), {}, {});
  slot_.interrupt();
  return info;
}

Result<std::vector<std::string>> Pipeline::change(const StreamChange& change) {
  const std::scoped_lock one_at_a_time(operations_);
  StreamOptions next = options_;
  if (change.more) change.more(next);
  if (change.bitrate_bps) {
    next.bitrate_bps = change.bitrate_bps;
    next.qp.reset();
  }
  if (change.codec) next.codec = change.codec;
  if (change.size) next.size = change.size;

  const bool new_codec = next.codec.value_or(Codec::kH264) != plan_.video.codec;
  const bool new_size = next.size != options_.size;
  const auto stays = [&](const RunningSink& sink) {
    if (new_codec && follows_codec(sink.spec) != Follows::kAsItIs) return false;
    return !new_size || sink.runner->takes_new_sizes();
  };
  const auto goes_on = [&](const RunningSink& sink) {
    if (new_codec && follows_codec(sink.spec) == Follows::kNot) return false;
    return !new_size || sink.runner->takes_new_sizes();
  };
  next.sinks.clear();
  for (const RunningSink& sink : sinks_.all()) {
    if (goes_on(sink)) next.sinks.push_back(sink.text);
  }
  std::optional<Extent> size;
  if (new_size) size = next.size ? next.size : source_size();

  AdaptationSettings adaptation = next.adaptation;
  adaptation.may_change_size = std::ranges::all_of(sinks_.all(), [&](const RunningSink& sink) {
    return !goes_on(sink) || sink.runner->takes_new_sizes();
  });
  std::vector<RunningSink> leaving;
  std::function<void()> before_first;
  if (!std::ranges::all_of(sinks_.all(), stays)) {
    before_first = [&] {
      leaving = sinks_.take_if([&](const RunningSink& sink) { return !stays(sink); });
    };
  }
  if (auto adopted = adopt(std::move(next), adaptation, size, before_first); !adopted) {
    return tl::unexpected(std::move(adopted.error()));
  }
  return replace(std::move(leaving), new_codec ? "codec_changed" : "size_changed");
}

std::vector<std::string> Pipeline::replace(std::vector<RunningSink> sinks,
                                           const std::string& reason) {
  std::vector<std::string> ended;
  for (RunningSink& old : sinks) {
    const std::string name = old.runner->status().description;
    old.runner->finish(reason);
    if (reason != "codec_changed" || follows_codec(old.spec) == Follows::kNot) {
      log::area("sink").warn("{} ended: it can't follow the new {}", name,
                             reason == "codec_changed" ? "codec" : "size");
      ended.push_back(name);
      continue;
    }
    old.runner.reset();  // its port is free for the next one
    auto again = parse_sink(old.text, options_, streamed(plan_.video)).and_then([&](SinkSpec spec) {
      if (auto* rtp = std::get_if<RtpSettings>(&spec)) *rtp = std::get<RtpSettings>(old.spec);
      return make_sink(old.text, std::move(spec), old.id);
    });
    if (again) {
      attach(std::move(*again));
      continue;
    }
    events_.add({.kind = EventKind::kTransportError,
                 .subject = name,
                 .reason = std::string(reason_code(again.error().kind)),
                 .text = again.error().describe()});
    ended.push_back(name);
  }
  return ended;
}

std::optional<Extent> Pipeline::source_size() const {
  const std::scoped_lock lock(mutex_);
  if (!format_) return std::nullopt;
  return Extent{(format_->size.width + 1) & ~1U, (format_->size.height + 1) & ~1U};
}

Result<void> Pipeline::hold() {
  const std::scoped_lock one_at_a_time(operations_);
  if (held_.exchange(true)) return {};
  {
    const std::scoped_lock lock(source_mutex_);
    source_->stop();
  }
  if (audio_) audio_->pause();
  (void)slot_.take();
  loop_->forget_picture();
  log::area("capture").info("let go of the source, as asked");
  return {};
}

Result<void> Pipeline::take_up() {
  const std::scoped_lock one_at_a_time(operations_);
  if (!held_.exchange(false)) return {};
  auto started = start_source();
  if (!started) {
    held_ = true;
    const std::scoped_lock lock(source_mutex_);
    source_->stop();
  } else if (audio_ && !resting_) {
    audio_->resume();
  }
  return started;
}

Result<void> Pipeline::start_source() {
  const std::scoped_lock lock(source_mutex_);
  return source_->start(request_, *this);
}

Timestamp Pipeline::alive_at() {
  loop_->nudge();
  return loop_->alive_at();
}

}  // namespace lumen
