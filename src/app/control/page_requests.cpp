#include "app/control/page_requests.h"

#include <utility>

#include "core/log.h"

namespace lumen::control {
namespace {

constexpr std::size_t kMostWaiting = 16;

// A new codec or size ends the sinks that can't follow it: a recording, or the page's own.
bool is_for_pages(const Request& request) {
  if (const auto* set = std::get_if<Set>(&request)) {
    return !set->change.codec && !set->change.size;
  }
  return std::holds_alternative<KeyFrame>(request) || std::holds_alternative<Start>(request) ||
         std::holds_alternative<Stop>(request);
}

}  // namespace

Result<void> PageRequests::take(std::string_view text) {
  auto request = parse_request(text).request;
  if (!request) return tl::unexpected(std::move(request.error()));
  if (!is_for_pages(*request)) {
    return fail(ErrorKind::kUnsupported, "a page can't ask for that", "'lumen-host ctl' can");
  }
  {
    const std::scoped_lock lock(mutex_);
    if (requests_.size() >= kMostWaiting) {
      return fail(ErrorKind::kRetry, "too many requests wait already", "try again in a moment");
    }
    requests_.push_back(std::move(*request));
  }
  wake_();
  return {};
}

void PageRequests::run(HostControl& host) {
  std::vector<Request> requests;
  {
    const std::scoped_lock lock(mutex_);
    requests.swap(requests_);
  }
  for (const Request& request : requests) {
    if (auto done = execute(request, host); !done) {
      log::area("control").warn("the page asked for what can't be done: {}",
                                done.error().describe());
    }
  }
}

}  // namespace lumen::control
