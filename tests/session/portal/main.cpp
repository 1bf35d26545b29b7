// lumen-test-portal-backend: see kUsage. SIGUSR1 stops sharing; SIGTERM ends.
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include "backend.h"

namespace {

using lumen::portal_backend::Answer;
using lumen::portal_backend::Backend;
using lumen::portal_backend::Restore;
using lumen::portal_backend::Script;

constexpr const char* kUsage =
    "Usage: lumen-test-portal-backend --node ID [--answer grant|decline|other|hang|no-stream|die]\n"
    "           [--restore accept|refuse] [--types BITS] [--cursors BITS]\n";

template <typename Enum>
struct Word {
  std::string_view text;
  Enum value;
};
constexpr std::array<Word<Answer>, 6> kAnswers = {{{"grant", Answer::kGrant},
                                                   {"decline", Answer::kDecline},
                                                   {"other", Answer::kOther},
                                                   {"hang", Answer::kHang},
                                                   {"no-stream", Answer::kNoStream},
                                                   {"die", Answer::kDie}}};
constexpr std::array<Word<Restore>, 2> kRestores = {
    {{"accept", Restore::kAccept}, {"refuse", Restore::kRefuse}}};

template <typename Words, typename Enum>
bool set_word(const Words& words, std::string_view text, Enum& to) {
  for (const auto& word : words) {
    if (word.text != text) continue;
    to = word.value;
    return true;
  }
  return false;
}

bool set_number(std::string_view text, std::uint32_t& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<Script> parse(int argc, char** argv) {
  Script script;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    const bool good = name == "--node"      ? set_number(value, script.node)
                      : name == "--answer"  ? set_word(kAnswers, value, script.answer)
                      : name == "--restore" ? set_word(kRestores, value, script.restore)
                      : name == "--types"   ? set_number(value, script.source_types)
                      : name == "--cursors" ? set_number(value, script.cursor_modes)
                                            : false;
    if (!good) return std::nullopt;
  }
  if (argc % 2 == 0) return std::nullopt;
  return script;
}

int stop_sharing(sd_event_source*, const signalfd_siginfo*, void* backend) {
  static_cast<Backend*>(backend)->close_sessions();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto script = parse(argc, argv);
  if (!script) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  // sd_event_add_signal() takes only signals that are blocked already.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  sd_event* event = nullptr;
  if (sd_event_new(&event) < 0) return 1;
  int status = 1;
  if (const auto backend = Backend::create(event, *script)) {
    sd_event_add_signal(event, nullptr, SIGUSR1, stop_sharing, backend.get());
    sd_event_add_signal(event, nullptr, SIGTERM, nullptr, nullptr);
    status = sd_event_loop(event);
  }
  sd_event_unref(event);
  return status;
}
