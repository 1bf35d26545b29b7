#include "app/status/event_log.h"

#include <utility>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen {

std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::kSenderStarted: return "sender_started";
    case EventKind::kSenderStopped: return "sender_stopped";
    case EventKind::kEncodeError: return "encode_error";
    case EventKind::kTransportError: return "transport_error";
    case EventKind::kFallbackTriggered: return "fallback_triggered";
    case EventKind::kFallbackCompleted: return "fallback_completed";
    case EventKind::kAdapted: break;
  }
  return "adapted";
}

std::string_view reason_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "invalid_argument";
    case ErrorKind::kNotFound: return "not_found";
    case ErrorKind::kUnsupported: return "unsupported";
    case ErrorKind::kFormatRejected: return "format_rejected";
    case ErrorKind::kRetry: return "retry";
    case ErrorKind::kDeviceLost: return "device_lost";
    case ErrorKind::kCancelled: return "cancelled";
    case ErrorKind::kIo: break;
  }
  return "io";
}

void EventLog::add(StreamEvent event) {
  std::string line =
      fmt::format("{} {} reason={}", event.subject, to_string(event.kind), event.reason);
  if (!event.text.empty()) line += ": " + event.text;
  auto area = log::area("event");
  switch (event.kind) {
    case EventKind::kEncodeError:
    case EventKind::kTransportError: area.error("{}", line); break;
    case EventKind::kFallbackTriggered: area.warn("{}", line); break;
    case EventKind::kSenderStarted:
    case EventKind::kSenderStopped: area.debug("{}", line); break;
    default: area.info("{}", line);
  }
  const std::scoped_lock lock(mutex_);
  ++count_;
  events_.push_back(std::move(event));
  if (events_.size() > kKept) events_.pop_front();
}

std::vector<StreamEvent> EventLog::latest() const {
  const std::scoped_lock lock(mutex_);
  return {events_.begin(), events_.end()};
}

std::uint64_t EventLog::count() const {
  const std::scoped_lock lock(mutex_);
  return count_;
}

}  // namespace lumen
