// The operating system's event objects, which only Windows has.
#pragma once

#include <memory>

#if defined(_WIN32)
#include <windows.h>
#endif

namespace lumen::sim::nvenc {

#if defined(_WIN32)

inline constexpr bool kHasEvents = true;

/// A client's event and our own handle of it. Thread-safe.
class OsEvent {
 public:
  /// Null: not a handle of this process.
  static std::unique_ptr<OsEvent> open(void* handle) {
    HANDLE own = nullptr;
    const HANDLE self = ::GetCurrentProcess();
    if (::DuplicateHandle(self, handle, self, &own, 0, FALSE, DUPLICATE_SAME_ACCESS) == 0) {
      return nullptr;
    }
    return std::unique_ptr<OsEvent>(new OsEvent(handle, own));
  }
  OsEvent(const OsEvent&) = delete;
  OsEvent& operator=(const OsEvent&) = delete;
  ~OsEvent() { ::CloseHandle(own_); }

  /// The client has not closed its handle.
  [[nodiscard]] bool is_open() const {
    DWORD flags = 0;
    return ::GetHandleInformation(handle_, &flags) != 0;
  }
  void signal() const { ::SetEvent(own_); }
  /// It was signalled, and is not any more (auto-reset).
  [[nodiscard]] bool take_signal() const { return ::WaitForSingleObject(own_, 0) == WAIT_OBJECT_0; }

 private:
  OsEvent(HANDLE handle, HANDLE own) : handle_(handle), own_(own) {}

  HANDLE handle_;
  HANDLE own_;
};

#else

inline constexpr bool kHasEvents = false;

class OsEvent {
 public:
  static std::unique_ptr<OsEvent> open(void*) { return nullptr; }
  [[nodiscard]] bool is_open() const { return false; }
  void signal() const {}
  [[nodiscard]] bool take_signal() const { return false; }
};

#endif

}  // namespace lumen::sim::nvenc
