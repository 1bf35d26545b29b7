#include "app/control/control_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/control/socket_path.h"

namespace lumen::control {
namespace {

namespace fs = std::filesystem;

constexpr int kBacklog = 16;

Result<void> prepare_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(ErrorKind::kIo, "can't make " + folder.string(), errno);
  }
  struct stat about{};
  if (::lstat(folder.c_str(), &about) != 0) {
    return fail_errno(ErrorKind::kIo, folder.string(), errno);
  }
  if (!S_ISDIR(about.st_mode) || about.st_uid != ::geteuid()) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} is no folder of this user's", folder.string()),
                "remove it; lumen makes it anew");
  }
  if ((about.st_mode & 077U) != 0 && ::chmod(folder.c_str(), 0700) != 0) {
    return fail_errno(ErrorKind::kIo, folder.string(), errno);
  }
  return {};
}

bool is_same_file(int fd, const std::string& path) {
  struct stat open{};
  struct stat named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// A lock is gone with its holder, however that ended; a socket's file is not. Whoever ends removes
/// the lock's file too, so that the one that was opened may be nobody's any more.
Result<UniqueFd> lock_name(const fs::path& socket, std::string_view name) {
  constexpr int kAttempts = 5;
  const std::string path = socket.string() + ".lock";
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto lock = UniqueFd::take(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!lock) return fail_errno(ErrorKind::kIo, "can't open " + path, errno);
    if (::flock(lock.borrow(), LOCK_EX | LOCK_NB) == 0) {
      if (is_same_file(lock.borrow(), path)) return lock;
    } else if (errno != EWOULDBLOCK) {
      return fail_errno(ErrorKind::kIo, "can't lock " + path, errno);
    } else {
      break;
    }
  }
  return fail(ErrorKind::kRetry, fmt::format("a host called '{}' is running", name),
              "give this one another --name, or end that one with 'lumen-host stop'");
}

}  // namespace

Result<ControlSocket> ControlSocket::listen(const fs::path& folder, std::string_view name) {
  if (auto ready = prepare_folder(folder); !ready) return tl::unexpected(ready.error());
  const fs::path path = socket_path(folder, name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof(address.sun_path)) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} is too long for a socket's name", path.string()),
                "give the host a shorter --name");
  }
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  auto lock = lock_name(path, name);
  if (!lock) return tl::unexpected(std::move(lock.error()));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno(ErrorKind::kIo, "can't replace " + path.string(), errno);
  }
  auto fd = UniqueFd::take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The mode of a socket's file is that of the descriptor at bind() (unix(7), Linux).
  if (!fd || ::fchmod(fd.borrow(), 0600) != 0 ||
      ::bind(fd.borrow(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.borrow(), kBacklog) != 0) {
    return fail_errno(ErrorKind::kIo, "can't listen at " + path.string(), errno);
  }
  return ControlSocket(path, std::move(*lock), std::move(fd));
}

ControlSocket::~ControlSocket() {
  if (!listening_) return;
  ::unlink(path_.c_str());
  ::unlink((path_.string() + ".lock").c_str());
}

Result<UniqueFd> ControlSocket::accept() const {
  auto fd = UniqueFd::take(
      ::accept4(listening_.borrow(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return fail_errno(ErrorKind::kRetry, "accept", errno);
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd.borrow(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return fail_errno(ErrorKind::kIo, "SO_PEERCRED", errno);
  }
  if (peer.uid != ::geteuid() && peer.uid != 0) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("user {} has no business at the control socket", peer.uid));
  }
  return fd;
}

LineReader::State LineReader::read(int fd) {
  std::array<char, 4096> piece{};
  for (;;) {
    const auto got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN ? State::kOpen : State::kEnded;
    if (got == 0) return State::kEnded;
    buffer_.append(piece.data(), static_cast<std::size_t>(got));
    if (buffer_.size() > longest_) {
      return buffer_.find('\n') <= longest_ ? State::kOpen : State::kTooLong;
    }
  }
}

std::optional<std::string> LineReader::next() {
  const auto end = buffer_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace lumen::control
