#include "app/stream_command.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "app/control/control_server.h"
#include "app/control/page_requests.h"
#include "app/pipeline/pipeline.h"
#include "app/progress.h"
#include "app/service/host_operations.h"
#include "app/service/reload.h"
#include "app/service/service_notifier.h"
#include "app/status/status_text.h"
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

ExitCode report(const Error& error) {
  log::area("lumen").error("{}", error.describe());
  return ExitCode::kUsage;
}

/// SIGHUP from a terminal that was closed means the end; a service is told by it to read its
/// configuration again.
bool at_a_terminal() {
  return ::isatty(STDIN_FILENO) == 1 || ::isatty(STDOUT_FILENO) == 1 ||
         ::isatty(STDERR_FILENO) == 1;
}

/// A running stream, from when it can begin to what makes it end.
class StreamRun {
 public:
  StreamRun(const StreamOptions& options, const ReadOptions& read_again, SignalWait& signals,
            Pipeline& pipeline, control::PageRequests& page_requests, control::ClaimedName name)
      : options_(options),
        name_(std::move(name)),
        read_again_(read_again),
        signals_(signals),
        pipeline_(pipeline),
        page_requests_(page_requests),
        operations_(pipeline, [&signals] { signals.wake(); }),
        progress_(options) {}

  ExitCode run() {
    auto server = control::ControlServer::start(std::move(name_), operations_);
    if (!server) return report(server.error());
    control_ = std::move(*server);
    notifier_.status("starting");
    notifier_.ready();
    if (auto started = pipeline_.start(); !started) {
      control_.reset();
      return report(started.error());
    }
    watch();
    notifier_.stopping();
    control_.reset();
    pipeline_.stop();
    progress_.finish(pipeline_.take_status());
    if (const auto failure = pipeline_.failure()) return report(*failure);
    return ExitCode::kOk;
  }

 private:
  [[nodiscard]] std::optional<Timestamp> deadline() const {
    if (!options_.duration) return std::nullopt;
    const Timestamp first = pipeline_.first_frame();
    return (first == kNoTimestamp ? started_ : first) + *options_.duration;
  }

  // Until a signal, a request, the pipeline's end or the duration.
  void watch() {
    const Nanoseconds step =
        notifier_.watchdog() ? std::min<Nanoseconds>(kTick, *notifier_.watchdog() / 2) : kTick;
    Timestamp tick = started_ + step;
    while (!pipeline_.finished()) {
      const auto end = deadline();
      const bool asleep = sleeps(tick);
      const Timestamp next = asleep ? wake_up_time() : tick;
      const auto outcome = signals_.wait_until(end ? std::min(next, *end) : next);
      if (outcome == SignalWait::Outcome::kSignal || operations_.wants_quit()) return;
      const bool hangup = outcome == SignalWait::Outcome::kHangup;
      if (hangup && at_a_terminal()) return;
      if (hangup || operations_.wants_reload()) reload();
      page_requests_.run(operations_);
      const Timestamp time = now();
      if (end && time >= *end) return;
      if (asleep) {
        look_after_watchdog(time);
        continue;
      }
      if (time < tick) continue;
      tick = std::max(tick + step, time);
      look_after_watchdog(time);
      if (time >= next_show_) show(time);
    }
  }

  // While nobody watches there is no news, but for those who asked for it each second.
  bool sleeps(Timestamp& tick) {
    const bool asleep = pipeline_.resting() && !progress_.every_second();
    if (asleep != std::exchange(asleep_, asleep)) {
      if (asleep) show(now());
      next_show_ = tick = now();
    }
    return asleep;
  }
  [[nodiscard]] Timestamp wake_up_time() const {
    return notifier_.watchdog() ? now() + *notifier_.watchdog() / 2 : Timestamp::max();
  }

  void show(Timestamp time) {
    next_show_ = std::max(next_show_ + kTick, time);
    const StreamStatus status = pipeline_.take_status();
    progress_.show(status);
    control_->publish(status);
    notifier_.status(service_line(status));
    if (pipeline_.source_lost()) there_since_ = time;
    if (!warned_ && !pipeline_.negotiated() && time - there_since_ > kNegotiationPatience) {
      warned_ = true;
      log::area("capture").warn(
          "still no format agreed on with the source (is a session manager such as WirePlumber "
          "running, and is the source's application alive?)");
    }
  }

  // The encode thread has come round since it was asked to: that is what alive means here.
  void look_after_watchdog(Timestamp time) {
    if (!notifier_.watchdog()) return;
    if (pipeline_.alive_at() >= asked_) notifier_.alive();
    asked_ = time;
  }

  void reload() {
    notifier_.reloading();
    if (auto options = read_again_()) {
      apply_reload(options_, *options, pipeline_);
      options_ = std::move(*options);
    } else {
      log::area("config").error("{}; the settings stay as they were", options.error().describe());
    }
    notifier_.ready();
  }

  StreamOptions options_;
  control::ClaimedName name_;  // until run()
  const ReadOptions& read_again_;
  SignalWait& signals_;
  Pipeline& pipeline_;
  control::PageRequests& page_requests_;
  HostOperations operations_;
  ServiceNotifier notifier_;
  std::unique_ptr<control::ControlServer> control_;
  Progress progress_;
  const Timestamp started_ = now();
  Timestamp next_show_ = started_ + kTick;
  Timestamp asked_ = started_;
  Timestamp there_since_ = started_;  // the source, as far as is known
  bool warned_ = false;
  bool asleep_ = false;
};

}  // namespace

ExitCode run_stream(const StreamOptions& options, const ReadOptions& read_again,
                    SignalWait& signals) {
  auto name = control::claim_name(options.host_name);
  if (!name) return report(name.error());
  StreamOptions named = options;
  named.host_name = name->name;
  control::PageRequests page_requests([&signals] { signals.wake(); });
  auto pipeline = Pipeline::create(
      named, [&signals] { signals.wake(); },
      [&page_requests](std::string_view request) { return page_requests.take(request); });
  if (!pipeline) return report(pipeline.error());
  return StreamRun(options, read_again, signals, **pipeline, page_requests, std::move(*name)).run();
}

}  // namespace lumen
