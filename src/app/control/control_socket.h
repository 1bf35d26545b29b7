// The listening end of a host's control socket, and single connections to it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::control {

/// Removes the socket's file at its end. One thread.
class ControlSocket {
 public:
  /// Makes the folder (mode 0700) and the socket in it (0600). What a host that has died left
  /// behind is replaced. kRetry: a host of that name is alive. kInvalidArgument: the folder belongs
  /// to somebody else. kIo otherwise.
  static Result<ControlSocket> listen(const std::filesystem::path& folder, std::string_view name);
  ControlSocket(ControlSocket&&) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) noexcept = default;
  ~ControlSocket();

  /// For poll().
  [[nodiscard]] int fd() const { return listening_.borrow(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// The next connection, not blocking. Those of other users than ours (and root) are closed at
  /// once: kUnsupported. kRetry: there is none.
  [[nodiscard]] Result<UniqueFd> accept() const;

 private:
  ControlSocket(std::filesystem::path path, UniqueFd lock, UniqueFd listening)
      : path_(std::move(path)), lock_(std::move(lock)), listening_(std::move(listening)) {}

  std::filesystem::path path_;
  UniqueFd lock_;  // whoever holds it is the host of that name
  UniqueFd listening_;
};

/// What arrives on a stream socket, cut into lines of bounded length. One thread.
class LineReader {
 public:
  explicit LineReader(std::size_t longest) : longest_(longest) {}

  enum class State { kOpen, kEnded, kTooLong };
  /// Takes what there is, without waiting (the descriptor does not block).
  State read(int fd);
  /// The next whole line without its end.
  std::optional<std::string> next();

 private:
  std::size_t longest_;
  std::string buffer_;
};

}  // namespace lumen::control
