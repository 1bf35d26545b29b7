#include "sink/file/file_output.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/time.h"
#include "platform/clock_sleep.h"

namespace lumen {
namespace {

constexpr mode_t kNewFileMode = 0644;
constexpr Nanoseconds kFifoPatience = std::chrono::seconds{2};
constexpr Nanoseconds kFifoPoll = std::chrono::milliseconds{20};
// A reader that takes nothing for so long is stuck; a write that never returns could not be
// stopped.
constexpr int kReaderPatienceMs = 10'000;

tl::unexpected<Error> cannot_open(const std::string& path, int code) {
  std::string hint;
  auto kind = ErrorKind::kIo;
  switch (code) {
    case ENOENT: hint = "the directory does not exist: make it first"; break;
    case ENOTDIR: hint = "a part of the path is not a directory"; break;
    case EACCES:
    case EPERM: hint = "you may not write there: choose another directory"; break;
    case EROFS: hint = "the file system is read-only: choose another directory"; break;
    case EISDIR:
      kind = ErrorKind::kInvalidArgument;
      hint = "name a file, such as " + path + (path.ends_with('/') ? "" : "/") + "recording.mp4";
      break;
    case ENXIO: hint = "nobody reads this pipe: start the reader first"; break;
    case EMFILE:
    case ENFILE: hint = "raise the limit of open files (ulimit -n)"; break;
    default: break;
  }
  return fail_errno(kind, "can't write " + path, code, std::move(hint));
}

/// O_NONBLOCK makes a FIFO without a reader fail (fifo(7)) instead of waiting for ever.
UniqueFd open_for_writing(const std::string& path) {
  const Timestamp deadline = now() + kFifoPatience;
  while (true) {
    auto fd = UniqueFd::take(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, kNewFileMode));
    if (fd || (errno != ENXIO && errno != EINTR) || now() >= deadline) return fd;
    sleep_until(now() + kFifoPoll);
  }
}

}  // namespace

Result<std::unique_ptr<FileOutput>> FileOutput::open(const std::string& path) {
  if (path.empty()) {
    return fail(ErrorKind::kInvalidArgument, "the output file has no name",
                "for example file:a.mp4");
  }
  UniqueFd fd;
  std::string name = path;
  if (path == "-") {
    name = "standard output";
    auto copy = duplicate(STDOUT_FILENO);
    if (!copy) return with_context(name, copy.error());
    fd = *std::move(copy);
  } else {
    struct stat before{};
    if (::stat(path.c_str(), &before) == 0) {
      if (S_ISDIR(before.st_mode)) return cannot_open(path, EISDIR);
      if (S_ISBLK(before.st_mode) || S_ISSOCK(before.st_mode)) {
        return fail(ErrorKind::kInvalidArgument, path + " is a disk or a socket, not a file",
                    "name a file");
      }
    }
    fd = open_for_writing(path);
    if (!fd) return cannot_open(path, errno);
    if (::fcntl(fd.borrow(), F_SETFL, 0) != 0) return cannot_open(path, errno);
  }
  auto kind = kind_of(fd.borrow(), name);
  if (!kind) return tl::unexpected(kind.error());
  if (path == "-" && *kind == Kind::kRegular) *kind = Kind::kStream;
  return std::unique_ptr<FileOutput>(new FileOutput(std::move(name), std::move(fd), *kind));
}

Result<FileOutput::Kind> FileOutput::kind_of(int fd, const std::string& name) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return cannot_open(name, errno);
  if (S_ISREG(status.st_mode)) return Kind::kRegular;
  if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) return Kind::kPipe;
  if (S_ISCHR(status.st_mode)) {
    if (::isatty(fd) == 0) return Kind::kStream;
    return fail(ErrorKind::kInvalidArgument, name + " is a terminal",
                "redirect it: lumen-host … --sink file:- | ffplay -");
  }
  return fail(ErrorKind::kInvalidArgument, name + " is a disk, not a file", "name a file");
}

Result<void> FileOutput::begin() {
  if (kind_ == Kind::kRegular && ::ftruncate(fd_.borrow(), 0) != 0) return broken(errno);
  return {};
}

Result<void> FileOutput::wait_for_reader() {
  pollfd waiter{fd_.borrow(), POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiter, 1, kReaderPatienceMs);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return broken(errno);
  if (ready == 0) return broken(ETIMEDOUT);
  return {};
}

Result<void> FileOutput::write(std::span<const std::uint8_t> bytes) {
  if (failure_) return tl::unexpected(*failure_);
  while (!bytes.empty()) {
    std::size_t part = bytes.size();
    if (kind_ == Kind::kPipe) {
      // A pipe that polls as writable takes PIPE_BUF bytes without blocking (pipe(7)).
      if (auto ready = wait_for_reader(); !ready) return ready;
      part = std::min<std::size_t>(part, PIPE_BUF);
    }
    const ssize_t count = ::write(fd_.borrow(), bytes.data(), part);
    if (count < 0) {
      if (errno == EINTR) continue;
      return broken(errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    position_ += count;
    written_.fetch_add(static_cast<std::uint64_t>(count), std::memory_order_relaxed);
  }
  return {};
}

Result<void> FileOutput::seek(std::int64_t position) {
  if (failure_) return tl::unexpected(*failure_);
  if (::lseek(fd_.borrow(), position, SEEK_SET) < 0) return broken(errno);
  position_ = position;
  return {};
}

Result<std::int64_t> FileOutput::size() {
  struct stat status{};
  if (::fstat(fd_.borrow(), &status) != 0) return broken(errno);
  return std::int64_t{status.st_size};
}

Result<void> FileOutput::finish() {
  if (failure_) return tl::unexpected(*failure_);
  if (!fd_) return {};
  // Pipes and most devices have nothing to sync and say EINVAL (fsync(2)).
  if (::fsync(fd_.borrow()) != 0 && errno != EINVAL && errno != EROFS) return broken(errno);
  // Network file systems report a full disk no earlier than here (close(2)).
  if (::close(fd_.release()) != 0 && errno != EINTR) return broken(errno);
  return {};
}

tl::unexpected<Error> FileOutput::broken(int code) {
  tl::unexpected<Error> error = [&] {
    switch (code) {
      case ENOSPC:
      case EDQUOT:
        return fail_errno(ErrorKind::kIo, "disk full: " + name_, code,
                          "free some space; what was recorded so far stays playable");
      case EPIPE: return fail_errno(ErrorKind::kIo, "the reader closed the pipe: " + name_, code);
      case ETIMEDOUT:
        return fail_errno(ErrorKind::kIo, "the reader takes nothing any more: " + name_, code,
                          "the reading program hangs or is stopped");
      case EFBIG:
        return fail_errno(ErrorKind::kIo, "the file is too large: " + name_, code,
                          "the file system or ulimit -f allows no larger one");
      default: return fail_errno(ErrorKind::kIo, "can't write " + name_, code);
    }
  }();
  failure_ = error.value();
  return error;
}

}  // namespace lumen
