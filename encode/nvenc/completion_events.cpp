#include "encode/nvenc/completion_events.h"

#include <fmt/format.h>

#include "core/log.h"

namespace lumen::nvenc {
namespace {

// No chip needs so long for eight pictures.
constexpr DWORD kHangMilliseconds = 5000;

NV_ENC_EVENT_PARAMS parameters_of(HANDLE event) {
  NV_ENC_EVENT_PARAMS parameters{};
  parameters.version = NV_ENC_EVENT_PARAMS_VER;
  parameters.completionEvent = event;
  return parameters;
}

}  // namespace

Result<std::unique_ptr<Completion>> CompletionEvents::create(std::shared_ptr<const Driver> driver,
                                                             void* session) {
  std::unique_ptr<CompletionEvents> self(new CompletionEvents(std::move(driver), session));
  for (auto& event : self->events_) {
    event = UniqueHandle<EventTraits>::take(::CreateEventW(nullptr, FALSE, FALSE, nullptr));
    if (!event) {
      return fail(ErrorKind::kIo, fmt::format("CreateEvent: error {}", ::GetLastError()),
                  "the process has too many handles open");
    }
    auto parameters = parameters_of(event.borrow());
    auto registered =
        self->driver_->check(self->driver_->api.nvEncRegisterAsyncEvent(session, &parameters),
                             "nvEncRegisterAsyncEvent", session);
    if (!registered) return tl::unexpected(std::move(registered.error()));
    ++self->registered_;
  }
  return self;
}

CompletionEvents::~CompletionEvents() {
  for (std::size_t i = 0; i < registered_; ++i) {
    auto parameters = parameters_of(events_[i].borrow());
    const auto done = driver_->check(driver_->api.nvEncUnregisterAsyncEvent(session_, &parameters),
                                     "nvEncUnregisterAsyncEvent", session_);
    if (!done) log::area("encode").debug("{}", done.error().describe());
  }
}

// What hangs once is not waited for again: teardown asks for each of the slots.
Result<void> CompletionEvents::wait(std::size_t slot) {
  const DWORD ended = ::WaitForSingleObject(events_[slot].borrow(), hangs_ ? 0 : kHangMilliseconds);
  if (ended == WAIT_OBJECT_0) return {};
  hangs_ = true;
  return fail(ErrorKind::kDeviceLost,
              ended == WAIT_TIMEOUT
                  ? "NVENC gives nothing back"
                  : fmt::format("WaitForSingleObject: error {}", ::GetLastError()),
              "the GPU hangs or was reset: open the encoder again");
}

}  // namespace lumen::nvenc
