// Decides whether who asks knows the secret, and keeps guessers from trying often. Bounded memory;
// any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "core/time.h"

namespace lumen::web {

/// Wrong secrets in one window. Who has used up its own share, or has been wrong once while the
/// share of all is used up, is not looked at until the window ends.
struct GuardLimits {
  unsigned of_one = 10;  // of one IPv4 address, or one IPv6 network of 64 bits
  unsigned of_all = 100;
  std::size_t remembered = 1024;  // of such addresses; the oldest is forgotten first
  Nanoseconds window = std::chrono::seconds{60};
};

/// What a request brings; empty: nothing.
struct Credentials {
  std::string_view token;    // as given to the viewer
  std::string_view session;  // as given in exchange for it
};

enum class Verdict : std::uint8_t { kWelcome, kNothingGiven, kWrong, kTooMany };

struct Decision {
  Verdict verdict = Verdict::kWrong;
  std::chrono::seconds retry_after{0};  // with kTooMany
  std::uint64_t to_report = 0;          // wrong secrets to tell of in the log now: once in a window
};

class TokenGuard {
 public:
  explicit TokenGuard(std::string token, GuardLimits limits = {});

  Decision judge(const Credentials& credentials, std::string_view address, Timestamp time);

  /// What to give in exchange for the token.
  [[nodiscard]] const std::string& session() const { return session_; }
  [[nodiscard]] std::size_t remembered() const;

 private:
  struct Window {
    Timestamp begin = kNoTimestamp;
    unsigned wrong = 0;
  };
  [[nodiscard]] unsigned wrong_in(const Window& window, Timestamp time) const;
  void count(Window& window, Timestamp time) const;
  Window& of(const std::string& network);

  const std::string token_;
  const std::string session_;
  const GuardLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Window, std::less<>> networks_;
  Window all_;
  std::uint64_t unreported_ = 0;
  Timestamp reported_ = kNoTimestamp;
};

}  // namespace lumen::web
