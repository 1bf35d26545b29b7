// The few command-line words that the compositor programs understand: "--name value" and "--flag".
// Used from main() only.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace lumen::compositor {

/// Exit statuses shared by the programs: 0 asked to stop, 1 failed or ended, 2 wrong usage.
enum ExitStatus : int { kStopped = 0, kFailed = 1, kUsage = 2 };

class CommandLine {
 public:
  /// Borrows argv for its own life.
  CommandLine(int argc, char** argv) : argc_(argc), argv_(argv) {}

  /// The next word; nullopt at the end.
  std::optional<std::string_view> next() {
    if (++at_ >= argc_) return std::nullopt;
    return argv_[at_];
  }

  /// The word after an option. Prints one line and leaves with kUsage when there is none.
  std::string value_of(std::string_view option) {
    if (++at_ < argc_) return argv_[at_];
    std::fprintf(stderr, "%s: %.*s needs a value\n", argv_[0], static_cast<int>(option.size()),
                 option.data());
    std::exit(kUsage);
  }

  /// A count of seconds after an option, 0 or more.
  double seconds_of(std::string_view option) {
    const std::string text = value_of(option);
    char* end = nullptr;
    const double seconds = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end != '\0' || !(seconds >= 0 && seconds <= 1e6)) {
      std::fprintf(stderr, "%s: %.*s: not a number of seconds: %s\n", argv_[0],
                   static_cast<int>(option.size()), option.data(), text.c_str());
      std::exit(kUsage);
    }
    return seconds;
  }

  /// Leaves with kUsage after naming the word that nobody knows.
  [[noreturn]] void reject(std::string_view word) {
    std::fprintf(stderr, "%s: unknown argument: %.*s (see --help)\n", argv_[0],
                 static_cast<int>(word.size()), word.data());
    std::exit(kUsage);
  }

 private:
  int argc_;
  char** argv_;
  int at_ = 0;
};

}  // namespace lumen::compositor
