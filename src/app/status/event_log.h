// What has happened to a stream: for people as a line in the log, for programs in --stats json, for
// viewers on the web page. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace lumen {

enum class EventKind : std::uint8_t {
  kSenderStarted,      // an output has begun, or has its receiver back (reason "connected")
  kSenderStopped,      // and ended; reason "finished" or "failed"
  kEncodeError,        // an encoder failed; the reason is the error's kind
  kTransportError,     // an output failed, or its receiver is out of reach; the error's kind
  kFallbackTriggered,  // an encoder or import route is given up
  kFallbackCompleted,  // another works in its place
  kAdapted,            // size, rate or bit rate step; the reason is the bottleneck
};
std::string_view to_string(EventKind kind);  // "sender_started"

/// For programs: "unsupported", "io", …
std::string_view reason_code(ErrorKind kind);

struct StreamEvent {
  EventKind kind = EventKind::kSenderStarted;
  std::string subject;  // "rtp 127.0.0.1:5004", "nvenc"
  std::string reason;   // a code: "network", "device_lost"
  std::string text;     // one line for people; may be empty
  Timestamp at = now();
};

class EventLog {
 public:
  static constexpr std::size_t kKept = 16;

  /// Logs it: as an error or a warning where it is one, and what goes as it should for --verbose.
  void add(StreamEvent event);
  /// The newest last.
  [[nodiscard]] std::vector<StreamEvent> latest() const;
  [[nodiscard]] std::uint64_t count() const;

 private:
  mutable std::mutex mutex_;
  std::deque<StreamEvent> events_;
  std::uint64_t count_ = 0;
};

}  // namespace lumen
