// The two kinds of producer memory that the CPU reads: our own mapping of a memfd, and a pointer
// that libpipewire owns.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "capture/captured_frame.h"
#include "core/error.h"

namespace lumen::pipewire {

/// A read-only mapping of [offset, offset + size) of a file. It is ours, so it stays readable when
/// the producer has long removed the buffer; nothing ever needs to revoke it.
class MappedMemory final : public HostMemory {
 public:
  /// Borrows the descriptor; the mapping does not need it afterwards. `offset` may have any
  /// alignment. Fails where the file is shorter than the range: reading past its end is SIGBUS.
  static Result<std::shared_ptr<MappedMemory>> create(int fd, std::size_t offset, std::size_t size);
  MappedMemory(const MappedMemory&) = delete;
  ~MappedMemory() override;

  [[nodiscard]] ReadScope read() override { return {this, bytes_}; }

 protected:
  void end_read() noexcept override {}

 private:
  MappedMemory(void* base, std::size_t length, std::span<const std::byte> bytes)
      : base_(base), length_(length), bytes_(bytes) {}

  void* base_;
  std::size_t length_;
  std::span<const std::byte> bytes_;
};

/// Memory that goes away with the producer's buffer (SPA_DATA_MemPtr: libpipewire mapped it).
/// revoke() waits for a read in progress, at most one conversion, and makes later reads find
/// nothing.
class RevocableMemory final : public HostMemory {
 public:
  explicit RevocableMemory(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] ReadScope read() override;
  void revoke();

 protected:
  void end_read() noexcept override;

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  std::span<const std::byte> bytes_;
  unsigned readers_ = 0;
};

}  // namespace lumen::pipewire
