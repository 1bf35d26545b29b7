#include "app/probe/questions.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "app/probe/verdict.h"

namespace lumen::probe {
namespace {

/// The last line that has anything in it.
std::string last_line(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with(' ')) text.remove_suffix(1);
  const auto begin = text.rfind('\n');
  return std::string(begin == std::string_view::npos ? text : text.substr(begin + 1));
}

const Json& without_cuda() {
  static const Json kAnswer = {{"ok", false}, {"reason", "needs CUDA, which does not work here"}};
  return kAnswer;
}

}  // namespace

void let_signals_end_us() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

std::chrono::seconds time_limit() {
  constexpr std::chrono::seconds kUsual{15};
  const char* const text = std::getenv("LUMEN_PROBE_SECONDS");
  const std::string_view wish = text == nullptr ? "" : text;
  int seconds = 0;
  const auto [end, error] = std::from_chars(wish.data(), wish.data() + wish.size(), seconds);
  const bool valid = error == std::errc{} && end == wish.data() + wish.size() && seconds > 0;
  return valid ? std::min(std::chrono::seconds{seconds}, std::chrono::seconds{3600}) : kUsual;
}

Json answer_of(const ChildResult& result, std::chrono::milliseconds limit) {
  Json answer = Json::parse(result.output, nullptr, false);
  if (result.end == ChildEnd::kExited && result.code == 0 && answer.is_object()) {
    answer["took_ms"] = result.took.count();
    return answer;
  }
  answer = {{"ok", false}};
  switch (result.end) {
    case ChildEnd::kCrashed:
      answer["reason"] = fmt::format("crashed ({})", signal_name(result.code));
      answer["crashed"] = true;
      break;
    case ChildEnd::kTimedOut:
      answer["reason"] = fmt::format("no answer within {} s", (limit.count() + 999) / 1000);
      answer["hung"] = true;
      break;
    case ChildEnd::kExited:
      answer["reason"] =
          fmt::format("the process ended with status {} and gave no answer", result.code);
      answer["crashed"] = true;
      break;
    case ChildEnd::kNotRun: answer["reason"] = "no process for it: " + result.errors; break;
  }
  if (const std::string line = last_line(result.errors); !line.empty()) answer["stderr"] = line;
  answer["took_ms"] = result.took.count();
  return answer;
}

std::vector<Json> ask_processes(std::span<const std::string> sections,
                                std::chrono::milliseconds limit) {
  std::vector<ChildSettings> children;
  for (const std::string& section : sections) {
    children.push_back({.program = "/proc/self/exe",
                        .argv = {"lumen-host", "zerocopy-probe", "--section", section},
                        .limit = limit});
  }
  std::vector<Json> answers;
  for (const ChildResult& result : run_children(children)) {
    answers.push_back(answer_of(result, limit));
  }
  return answers;
}

Json make_report(Json machine, std::span<const std::string_view> routes, const Ask& ask) {
  Json report = {{"version", 1}, {"machine", std::move(machine)}};
  const std::vector<std::string> independent = {"libraries", "cuda", "egl", "vulkan", "compositor"};
  std::vector<Json> answers = ask(independent);
  for (std::size_t i = 0; i < independent.size(); ++i) {
    report[independent[i]] = std::move(answers[i]);
  }
  // One after the other from here on: routes are timed.
  const bool cuda = flag_at(report["cuda"], "ok");
  const auto ask_gpu = [&](const std::string& section) {
    return cuda ? ask(std::vector{section}).front() : without_cuda();
  };
  report["nvenc"] = ask_gpu("nvenc");
  Json list = Json::array();
  for (const std::string_view name : routes) {
    Json route = {{"name", name}};
    route.update(ask_gpu("route:" + std::string(name)));
    list.push_back(std::move(route));
  }
  report["routes"] = std::move(list);
  report["ladder"] = Json::array();
  for (const LadderStep& step : ladder_of(report)) {
    report["ladder"].push_back(
        {{"name", step.name}, {"taken", step.taken}, {"reason", step.reason}});
  }
  report["summary"] = summary_of(report);
  return report;
}

}  // namespace lumen::probe
