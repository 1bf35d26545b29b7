// Bytes to a file, a pipe or standard output, with exact reasons where that fails.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

/// One thread, except bytes_written(). The first failure is kept: every later call fails with it
/// and touches nothing, so that what is there stays as good as it is.
class FileOutput {
 public:
  /// Opens without touching what is in the file. A FIFO waits up to two seconds for its reader.
  /// kInvalidArgument for directories, block devices and sockets.
  static Result<std::unique_ptr<FileOutput>> open(const std::string& path);

  /// Call once before the first write: cuts a regular file to nothing.
  Result<void> begin();

  Result<void> write(std::span<const std::uint8_t> bytes);

  /// Absolute position; only where seekable().
  Result<void> seek(std::int64_t position);
  [[nodiscard]] std::int64_t position() const { return position_; }
  Result<std::int64_t> size();

  /// Syncs a file to the disk and closes. A failure that came before is returned again.
  Result<void> finish();

  [[nodiscard]] bool seekable() const { return kind_ == Kind::kRegular; }
  /// A pipe or socket: somebody reads along and waits for every frame.
  [[nodiscard]] bool piped() const { return kind_ == Kind::kPipe; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Any thread.
  [[nodiscard]] std::uint64_t bytes_written() const {
    return written_.load(std::memory_order_relaxed);
  }

 private:
  enum class Kind : std::uint8_t {
    kRegular,
    kPipe,    // or socket
    kStream,  // device, or standard output that a shell sent to a file: bytes go where it stands
  };

  FileOutput(std::string name, UniqueFd fd, Kind kind)
      : name_(std::move(name)), fd_(std::move(fd)), kind_(kind) {}
  static Result<Kind> kind_of(int fd, const std::string& name);
  Result<void> wait_for_reader();
  tl::unexpected<Error> broken(int code);

  std::string name_;  // for messages
  UniqueFd fd_;
  Kind kind_;
  std::int64_t position_ = 0;
  std::optional<Error> failure_;
  std::atomic<std::uint64_t> written_{0};
};

}  // namespace lumen
