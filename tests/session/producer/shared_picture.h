// The memory of one PipeWire buffer, as the producer sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/error.h"
#include "platform/linux/unique_fd.h"
#include "support/udmabuf.h"

namespace lumen::producer {

/// Either an own memfd or dmabuf, or memory that PipeWire mapped (not owned), or nothing at all.
class SharedPicture {
 public:
  /// A memfd that can neither shrink nor grow any more, mapped read-write.
  static Result<std::unique_ptr<SharedPicture>> allocate(std::size_t bytes);
  /// Whole pages of dmabuf memory, mapped read-write.
  static Result<std::unique_ptr<SharedPicture>> allocate_dmabuf(std::size_t bytes);
  static std::unique_ptr<SharedPicture> borrow(void* data, std::size_t bytes);

  SharedPicture(const SharedPicture&) = delete;
  ~SharedPicture();

  [[nodiscard]] std::uint8_t* data() const { return data_; }  // null where there is no memory
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// -1 where the memory is not ours.
  [[nodiscard]] int fd() const { return dmabuf_ ? dmabuf_->fd() : fd_.borrow(); }

  /// The CPU's writes to a dmabuf stand in one of these; for other memory it does nothing.
  class WriteScope {
   public:
    explicit WriteScope(const SharedPicture& picture) : picture_(picture) {
      if (picture_.dmabuf_) picture_.dmabuf_->begin_write();
    }
    WriteScope(const WriteScope&) = delete;
    ~WriteScope() {
      if (picture_.dmabuf_) picture_.dmabuf_->end_write();
    }

   private:
    const SharedPicture& picture_;
  };

  /// Whether the pattern's static part is in it.
  bool has_static_part = false;

 private:
  SharedPicture() = default;

  UniqueFd fd_;  // of a memfd
  std::optional<test::TestDmaBuf> dmabuf_;
  std::uint8_t* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace lumen::producer
