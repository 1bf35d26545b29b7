#include "core/log.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace lumen::log {
namespace {

// Syslog priority for the journal's "<N>" prefix (sd-daemon(3)).
class JournalPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    constexpr std::string_view kPriority[] = {"<7>", "<7>", "<6>", "<4>", "<3>", "<2>", "<6>"};
    const std::string_view text = kPriority[static_cast<std::size_t>(message.level)];
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }
};

struct State {
  std::mutex mutex;
  std::shared_ptr<spdlog::sinks::stderr_color_sink_mt> sink;
  std::map<std::string, std::shared_ptr<spdlog::logger>, std::less<>> loggers;
  Verbosity verbosity = Verbosity::kNormal;

  State() {
    const bool no_color = std::getenv("NO_COLOR") != nullptr;
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
        no_color ? spdlog::color_mode::never : spdlog::color_mode::automatic);
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (std::getenv("JOURNAL_STREAM") != nullptr) {
      formatter->add_flag<JournalPriority>('*').set_pattern("%*%n: %v");
    } else {
      // On a terminal a progress line may stand in the way: go to its start and erase it.
      const bool terminal = spdlog::details::os::in_terminal(stderr);
      formatter->set_pattern(std::string(terminal ? "\r\x1b[K" : "") + "%H:%M:%S.%e %^%l%$ %n: %v");
    }
    sink->set_formatter(std::move(formatter));
  }

  [[nodiscard]] spdlog::level::level_enum level_of(std::string_view name) const {
    if (const char* keys = std::getenv("LUMEN_DEBUG")) {
      std::string_view rest(keys);
      while (!rest.empty()) {
        const auto comma = rest.find(',');
        const auto key = rest.substr(0, comma);
        if (key == name || key == "all") return spdlog::level::debug;
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
      }
    }
    switch (verbosity) {
      case Verbosity::kQuiet: return spdlog::level::warn;
      case Verbosity::kNormal: return spdlog::level::info;
      case Verbosity::kVerbose: return spdlog::level::debug;
    }
    return spdlog::level::info;
  }
};

// Leaked on purpose: threads may log while static destructors run.
State& state() {
  static auto* instance = new State;
  return *instance;
}

}  // namespace

void init(Verbosity verbosity) {
  State& s = state();
  const std::scoped_lock lock(s.mutex);
  s.verbosity = verbosity;
  for (auto& [name, logger] : s.loggers) logger->set_level(s.level_of(name));
}

spdlog::logger& area(std::string_view name) {
  State& s = state();
  const std::scoped_lock lock(s.mutex);
  if (const auto found = s.loggers.find(name); found != s.loggers.end()) return *found->second;
  auto logger = std::make_shared<spdlog::logger>(std::string(name), s.sink);
  logger->set_level(s.level_of(name));
  logger->flush_on(spdlog::level::info);
  return *s.loggers.emplace(std::string(name), std::move(logger)).first->second;
}

}  // namespace lumen::log
