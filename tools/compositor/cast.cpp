// lumen-cast SOURCE: asks a compositor for a screen cast as lumen-host would, prints "node-id=N"
// and keeps the cast alive until a signal or until the compositor ends it. For tests and scripts
// that want the PipeWire node itself.
#include <chrono>
#include <cstdio>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "app/options/source_spec.h"
#include "app/pipeline/source_factory.h"
#include "platform/linux/signal_wait.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

// 0 asked to stop, 1 failed or ended, 2 wrong usage.
enum ExitStatus : int { kStopped = 0, kFailed = 1, kUsage = 2 };

constexpr auto kPatience = 30s;  // for a compositor that is only starting
constexpr auto kPause = 50ms;

ExitStatus fail_with(const Error& error) {
  fmt::print(stderr, "lumen-cast: {}\n", error.describe());
  return kFailed;
}

ExitStatus run(session::ScreenCast& cast) {
  auto signals = SignalWait::create();
  if (!signals) return fail_with(signals.error());
  const Timestamp deadline = now() + kPatience;
  for (;;) {
    const auto grant = cast.open({}, [&signals](const std::string& reason) {
      fmt::print(stderr, "lumen-cast: {}\n", reason);
      signals->wake();
    });
    if (grant) {
      fmt::print("node-id={}\n", std::get<pipewire::NodeId>(grant->node).id);
      std::fflush(stdout);
      break;
    }
    if (!session::is_passing(grant.error()) || now() >= deadline) return fail_with(grant.error());
    const auto outcome = signals->wait_until(now() + kPause);
    if (outcome == SignalWait::Outcome::kSignal || outcome == SignalWait::Outcome::kHangup) {
      return kStopped;
    }
  }
  for (;;) {
    switch (signals->wait_until(now() + 1h)) {
      case SignalWait::Outcome::kSignal:
      case SignalWait::Outcome::kHangup: return kStopped;
      case SignalWait::Outcome::kWoken: return kFailed;
      case SignalWait::Outcome::kTimeout: break;
    }
  }
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) {
  using namespace lumen;
  if (argc != 2 || std::string_view(argv[1]).starts_with('-')) {
    fmt::print(stderr,
               "Usage: lumen-cast kwin[:OUTPUT|:window=TITLE|:virtual=WxH]\n"
               "       lumen-cast mutter[:MONITOR]\n"
               "Prints node-id=N, the cast's PipeWire node, and keeps it until a signal.\n");
    return kUsage;
  }
  const auto spec = parse_source_spec(argv[1]);
  if (!spec) return fail_with(spec.error()), kUsage;
  const auto cast = create_cast(*spec, {.cursor = session::CursorMode::kEmbedded});
  if (!cast) {
    fmt::print(stderr, "lumen-cast: '{}' is no compositor's cast\n", argv[1]);
    return kUsage;
  }
  return run(*cast);
}
