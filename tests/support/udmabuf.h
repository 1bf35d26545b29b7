// A dmabuf without a GPU: ordinary memory that the kernel exports as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::test {

/// A udmabuf over a sealed memfd or, where the kernel has no udmabuf, a buffer of the system
/// dma-heap. Zeroed, mapped read-write, owned. Movable; any thread.
class TestDmaBuf {
 public:
  /// Empty, or the reason why allocate() can't work on this machine (for GTEST_SKIP).
  static Result<void> available();

  /// `bytes` are rounded up to whole pages.
  static Result<TestDmaBuf> allocate(std::size_t bytes);

  /// A dmabuf from elsewhere; mapped.
  static Result<TestDmaBuf> adopt(UniqueFd fd, std::size_t bytes);

  TestDmaBuf(TestDmaBuf&& other) noexcept;
  TestDmaBuf& operator=(TestDmaBuf&& other) noexcept;
  ~TestDmaBuf();

  /// Owned here; duplicate it to keep it.
  [[nodiscard]] int fd() const { return fd_.borrow(); }
  /// Writes that others shall see stand between begin_write() and end_write().
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

  /// DMA_BUF_IOCTL_SYNC. A write scope in the caller's words; nesting is harmless.
  void begin_write() const;
  void end_write() const;

 private:
  TestDmaBuf(UniqueFd fd, std::span<std::byte> bytes) : fd_(std::move(fd)), bytes_(bytes) {}

  UniqueFd fd_;
  std::span<std::byte> bytes_;
};

/// How a picture lies in a test buffer.
struct TestPicture {
  Fourcc format = Fourcc::kBGRx;
  Extent size;
  Pitch pitch;                     // of the first plane; 0: rows without a gap
  std::uint32_t offset_bytes = 0;  // of the first plane
  Modifier modifier = kModifierLinear;
};

/// Bytes that a buffer must have to hold it.
std::size_t bytes_needed(const TestPicture& picture);

/// The picture as a capture source hands it on: its planes one behind another in one dmabuf, whose
/// descriptor is duplicated, so the frame may outlive `buffer`. The lease is empty. Fails where the
/// buffer is too small. Frames made by one call after another have different DmaBufMemory objects
/// (import caches take them for different buffers); pass `memory` of an earlier frame to share it.
Result<CapturedFrame> make_frame(const TestDmaBuf& buffer, const TestPicture& picture,
                                 std::shared_ptr<const DmaBufMemory> memory = nullptr);

}  // namespace lumen::test
