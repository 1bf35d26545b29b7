// One auto-reset event per picture in flight, and one for the end of the stream.
#pragma once

#include <array>
#include <atomic>

#include <windows.h>

#include "encode/nvenc/completion.h"
#include "platform/unique_handle.h"

namespace lumen::nvenc {

class CompletionEvents final : public Completion {
 public:
  static Result<std::unique_ptr<Completion>> create(std::shared_ptr<const Driver> driver,
                                                    void* session);
  CompletionEvents(const CompletionEvents&) = delete;
  CompletionEvents& operator=(const CompletionEvents&) = delete;
  ~CompletionEvents() override;

  [[nodiscard]] void* event(std::size_t slot) const override { return events_[slot].borrow(); }
  Result<void> wait(std::size_t slot) override;

 private:
  struct EventTraits {
    using type = HANDLE;
    static HANDLE empty() { return nullptr; }
    static void close(HANDLE event) { ::CloseHandle(event); }
  };

  CompletionEvents(std::shared_ptr<const Driver> driver, void* session)
      : driver_(std::move(driver)), session_(session) {}

  std::shared_ptr<const Driver> driver_;
  void* session_;
  std::array<UniqueHandle<EventTraits>, kSlots + 1> events_;
  std::size_t registered_ = 0;
  std::atomic<bool> hangs_ = false;
};

}  // namespace lumen::nvenc
