// `lumen-host status`, `ctl` and `stop`: asking a running host.
#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "app/control/control_client.h"
#include "app/control/status_view.h"
#include "app/stream_command.h"
#include "core/log.h"

namespace lumen {
namespace {

using Json = nlohmann::ordered_json;
using control::ControlClient;
using namespace std::chrono_literals;

ExitCode report_refusal(const Error& error) {
  log::area("lumen").error("{}", error.describe());
  if (error.domain == ControlClient::kHostDomain) return ExitCode::kRefused;
  return error.kind == ErrorKind::kInvalidArgument ? ExitCode::kUsage : ExitCode::kNotRunning;
}

void print(const Json& result, OutputFormat format) {
  if (format == OutputFormat::kJson) {
    fmt::print("{}\n", result.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
}

std::string told(const Json& request, const Json& result) {
  if (request["method"] == "add-sink") {
    return fmt::format("sink {}\n", result.value("id", 0U));
  }
  std::string text;
  for (const Json& name : result.value("ended", Json::array())) {
    text += fmt::format("ended, because it can't follow: {}\n", name.get<std::string>());
  }
  return text;
}

}  // namespace

ExitCode run_status(const StatusOptions& options, SignalWait& signals) {
  auto client = ControlClient::connect(options.name);
  if (!client) return report_refusal(client.error());
  const bool rewrite = options.watch && ::isatty(STDOUT_FILENO) == 1;
  for (Timestamp next = now();;) {
    const auto status = client->call({{"method", "status"}});
    // That a host which is watched comes to its end is no failure.
    if (!status && options.watch && status.error().kind == ErrorKind::kDeviceLost) {
      return ExitCode::kOk;
    }
    if (!status) return report_refusal(status.error());
    if (options.format == OutputFormat::kJson) {
      print(*status, options.format);
    } else {
      // To the top, and away with what was there (ECMA-48: CUP, ED).
      fmt::print("{}{}", rewrite ? "\x1b[H\x1b[2J" : "", control::status_view(*status));
    }
    if (std::fflush(stdout) != 0) return ExitCode::kOutputFailed;
    if (!options.watch) return ExitCode::kOk;
    next += 1s;
    if (signals.wait_until(next) == SignalWait::Outcome::kSignal) return ExitCode::kOk;
  }
}

ExitCode run_ctl(const CtlOptions& options) {
  auto client = ControlClient::connect(options.name);
  if (!client) return report_refusal(client.error());
  const Json request = Json::parse(options.request);
  const auto result = client->call(request);
  if (!result) return report_refusal(result.error());
  // "stop && stream" begins when the other has ended.
  if (request["method"] == "quit") client->wait_for_end();
  if (options.format == OutputFormat::kJson) {
    print(*result, options.format);
  } else {
    fmt::print("{}", told(request, *result));
  }
  return std::fflush(stdout) == 0 ? ExitCode::kOk : ExitCode::kOutputFailed;
}

}  // namespace lumen
