// One owner for any handle that must be closed. Traits: `using type`, `static type empty()`,
// `static void close(type)`.
#pragma once

#include <utility>

namespace lumen {

template <typename Traits>
class UniqueHandle {
 public:
  using type = typename Traits::type;

  UniqueHandle() = default;
  /// Takes ownership.
  static UniqueHandle take(type handle) {
    UniqueHandle result;
    result.handle_ = handle;
    return result;
  }
  UniqueHandle(UniqueHandle&& other) noexcept
      : handle_(std::exchange(other.handle_, Traits::empty())) {}
  UniqueHandle& operator=(UniqueHandle&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, Traits::empty());
    }
    return *this;
  }
  ~UniqueHandle() { reset(); }

  /// The handle, still owned here.
  [[nodiscard]] type borrow() const { return handle_; }
  /// The handle, now the caller's to close.
  [[nodiscard]] type release() { return std::exchange(handle_, Traits::empty()); }
  void reset() {
    if (handle_ != Traits::empty()) Traits::close(std::exchange(handle_, Traits::empty()));
  }
  [[nodiscard]] explicit operator bool() const { return handle_ != Traits::empty(); }

 private:
  type handle_ = Traits::empty();
};

}  // namespace lumen
