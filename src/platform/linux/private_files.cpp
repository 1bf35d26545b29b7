#include "platform/linux/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "platform/linux/unique_fd.h"

namespace lumen {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> failed(std::string_view what, const fs::path& path) {
  const int code = errno;
  return fail_errno(code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo,
                    fmt::format("can't {} {}", what, path.string()), code,
                    code == EACCES ? "its owner has to allow it" : "");
}

Result<std::string> read_file(const fs::path& path, std::size_t most, mode_t refused) {
  // Without O_NONBLOCK a FIFO would be waited for.
  const auto fd = UniqueFd::take(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about{};
  if (!fd || ::fstat(fd.borrow(), &about) != 0) return failed("open", path);
  if (!S_ISREG(about.st_mode)) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("{} is no file", path.string()));
  }
  if ((about.st_mode & refused) != 0) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("others may read {}, which is a secret", path.string()),
                fmt::format("chmod 600 {}", path.string()));
  }
  std::string text(most + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(fd.borrow(), text.data() + size, text.size() - size);
    if (got < 0) return failed("read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > most) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} is larger than {} bytes", path.string(), most),
                "it can't be what it should be; name another file");
  }
  text.resize(size);
  return text;
}

Result<fs::path> folder_of(const char* variable, std::string_view below_home) {
  const char* const base = std::getenv(variable);
  const char* const home = std::getenv("HOME");
  fs::path folder;
  if (base != nullptr && base[0] == '/') {
    folder = fs::path(base) / "lumen";
  } else if (home != nullptr && home[0] == '/') {
    folder = fs::path(home) / below_home / "lumen";
  } else {
    return fail(ErrorKind::kNotFound, "there is no place to keep a file in",
                fmt::format("set HOME or {}", variable));
  }
  std::error_code code;
  fs::create_directories(folder.parent_path(), code);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed("make", folder);
  if (::chmod(folder.c_str(), 0700) != 0) return failed("protect", folder);
  return folder;
}

}  // namespace

Result<fs::path> state_folder() { return folder_of("XDG_STATE_HOME", ".local/state"); }

Result<fs::path> cache_folder() { return folder_of("XDG_CACHE_HOME", ".cache"); }

Result<std::string> read_secret(const fs::path& path, std::size_t most) {
  return read_file(path, most, S_IRWXG | S_IRWXO);
}

Result<std::string> read_small_file(const fs::path& path, std::size_t most) {
  return read_file(path, most, 0);
}

Result<void> write_secret(const fs::path& path, std::string_view text) {
  std::string temporary = path.string() + ".XXXXXX";
  const auto fd = UniqueFd::take(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (!fd) return failed("write", path);
  bool written = true;
  for (std::size_t at = 0; at < text.size() && written;) {
    const auto size = ::write(fd.borrow(), text.data() + at, text.size() - at);
    written = size > 0;
    if (written) at += static_cast<std::size_t>(size);
  }
  if (!written || ::fsync(fd.borrow()) != 0 || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary.c_str());
    errno = code;
    return failed("write", path);
  }
  return {};
}

}  // namespace lumen
