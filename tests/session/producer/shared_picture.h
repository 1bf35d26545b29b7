// The memory of one PipeWire buffer, as the producer sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::producer {

/// Either an own memfd, or memory that PipeWire mapped (not owned), or nothing at all.
class SharedPicture {
 public:
  /// A memfd that can neither shrink nor grow any more, mapped read-write.
  static Result<std::unique_ptr<SharedPicture>> allocate(std::size_t bytes);
  static std::unique_ptr<SharedPicture> borrow(void* data, std::size_t bytes);

  SharedPicture(const SharedPicture&) = delete;
  ~SharedPicture();

  [[nodiscard]] std::uint8_t* data() const { return data_; }  // null where there is no memory
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] int fd() const { return fd_.borrow(); }  // -1 where the memory is not ours

  /// Whether the pattern's static part is in it.
  bool has_static_part = false;

 private:
  SharedPicture() = default;

  UniqueFd fd_;
  std::uint8_t* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace lumen::producer
