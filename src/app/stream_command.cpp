#include "app/stream_command.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "app/pipeline/pipeline.h"
#include "app/progress.h"
#include "core/log.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 1s;
// A compositor negotiates within a fraction of this; silence means that nobody links the two nodes.
constexpr auto kNegotiationPatience = 5s;

ExitCode report(const Failure& failure) {
  if (!failure.told) log::area("lumen").error("{}", failure.error.describe());
  return failure.code;
}

std::optional<Timestamp> deadline_of(const StreamOptions& options, const Pipeline& pipeline,
                                     Timestamp started) {
  if (!options.duration) return std::nullopt;
  const Timestamp first = pipeline.first_frame();
  return (first == kNoTimestamp ? started : first) + *options.duration;
}

// Until a signal, the pipeline's end or the duration.
void watch(const StreamOptions& options, Pipeline& pipeline, SignalWait& signals,
           Progress& progress) {
  const Timestamp started = now();
  Timestamp tick = started + kTick;
  bool warned = false;
  while (!pipeline.finished()) {
    const auto deadline = deadline_of(options, pipeline, started);
    const Timestamp until = deadline ? std::min(tick, *deadline) : tick;
    if (signals.wait_until(until) == SignalWait::Outcome::kSignal) return;
    const Timestamp time = now();
    if (deadline && time >= *deadline) return;
    if (time < tick) continue;
    tick += kTick;
    progress.show(pipeline.take_status());
    if (!warned && !pipeline.negotiated() && time - started > kNegotiationPatience) {
      warned = true;
      log::area("capture").warn(
          "still no format agreed on with the source (is a session manager such as WirePlumber "
          "running, and is the source's application alive?)");
    }
  }
}

}  // namespace

ExitCode run_stream(const StreamOptions& options, SignalWait& signals) {
  auto pipeline = Pipeline::create(options, [&signals] { signals.wake(); });
  if (!pipeline) return report(pipeline.error());
  if (auto started = (*pipeline)->start(); !started) return report(started.error());
  Progress progress(options);
  watch(options, **pipeline, signals, progress);
  (*pipeline)->stop();
  progress.finish((*pipeline)->take_status());
  if (const auto failure = (*pipeline)->failure()) return report(*failure);
  return ExitCode::kOk;
}

}  // namespace lumen
