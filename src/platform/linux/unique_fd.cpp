#include "platform/linux/unique_fd.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace lumen {

void FdTraits::close(int fd) { ::close(fd); }

Result<UniqueFd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    return fail_errno(ErrorKind::kIo, "can't duplicate a file descriptor", errno,
                      errno == EMFILE ? "raise the limit of open files (ulimit -n)" : "");
  }
  return UniqueFd::take(copy);
}

}  // namespace lumen
