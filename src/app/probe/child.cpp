#include "app/probe/child.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36's header doesn't say so itself
#include <sys/pidfd.h>
}

#include <fmt/format.h>

#include "core/error.h"
#include "core/time.h"
#include "platform/linux/unique_fd.h"

namespace lumen::probe {
namespace {

using namespace std::chrono_literals;

constexpr auto kKillTime = 2s;  // between SIGKILL and giving a process up
constexpr std::size_t kMaxErrors = 4096;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(ErrorKind::kIo, "pipe2", errno);
  Pipe pipe{UniqueFd::take(ends[0]), UniqueFd::take(ends[1])};
  // Only our end: the child's descriptors are ordinary ones.
  ::fcntl(pipe.read.borrow(), F_SETFL, O_NONBLOCK);
  return pipe;
}

class SpawnSetup {
 public:
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    // lumen-host blocks SIGINT and SIGTERM and ignores SIGPIPE; a child should not.
    sigset_t none;
    sigset_t ours;
    sigemptyset(&none);
    sigemptyset(&ours);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&ours, number);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &ours);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  int spawn(const ChildSettings& settings, int output, int errors, pid_t& pid) {
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
    std::vector<std::string> words = settings.argv;
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return ::posix_spawn(&pid, settings.program.c_str(), &actions_, &attributes_, argv.data(),
                         ::environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

class Child {
 public:
  explicit Child(const ChildSettings& settings)
      : begin_(now()), deadline_(begin_ + settings.limit) {
    auto started = start(settings);
    if (started) return;
    result_.errors = started.error().message;
    done_ = true;
  }

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] Timestamp deadline() const { return deadline_; }
  [[nodiscard]] ChildResult take() { return std::move(result_); }

  void add_to(std::vector<pollfd>& polled) const {
    for (const UniqueFd* fd : {&output_, &errors_, &process_}) {
      if (*fd) polled.push_back({fd->borrow(), POLLIN, 0});
    }
  }

  /// Takes what is there: output, the end, the deadline.
  void look() {
    read(output_, result_.output, kMaxOutput);
    read(errors_, result_.errors, SIZE_MAX);
    if (result_.errors.size() > 2 * kMaxErrors) {
      result_.errors.erase(0, result_.errors.size() - kMaxErrors);
    }
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      read(output_, result_.output, kMaxOutput);
      read(errors_, result_.errors, SIZE_MAX);
      finish(status);
    } else if (now() >= deadline_) {
      if (killed_) return end_as(ChildEnd::kTimedOut, 0);
      ::kill(pid_, SIGKILL);
      killed_ = true;
      deadline_ = now() + kKillTime;
    }
  }

 private:
  Result<void> start(const ChildSettings& settings) {
    auto output = make_pipe();
    auto errors = make_pipe();
    if (!output) return tl::unexpected(std::move(output.error()));
    if (!errors) return tl::unexpected(std::move(errors.error()));
    SpawnSetup setup;
    const int error = setup.spawn(settings, output->write.borrow(), errors->write.borrow(), pid_);
    if (error != 0) return fail_errno(ErrorKind::kIo, settings.program, error);
    output_ = std::move(output->read);
    errors_ = std::move(errors->read);
    // Wakes poll() at the end of the child; without it (Linux before 5.3) poll()'s limit does.
    process_ = UniqueFd::take(::pidfd_open(pid_, 0));
    return {};
  }

  static void read(UniqueFd& fd, std::string& text, std::size_t limit) {
    std::array<char, 16384> bytes{};
    while (fd) {
      const ssize_t count = ::read(fd.borrow(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return fd.reset();
      const std::size_t room = limit - std::min(limit, text.size());
      text.append(bytes.data(), std::min(room, static_cast<std::size_t>(count)));
    }
  }

  void finish(int status) {
    if (killed_) return end_as(ChildEnd::kTimedOut, 0);
    if (WIFSIGNALED(status)) return end_as(ChildEnd::kCrashed, WTERMSIG(status));
    end_as(ChildEnd::kExited, WEXITSTATUS(status));
  }

  void end_as(ChildEnd end, int code) {
    result_.end = end;
    result_.code = code;
    result_.took = std::chrono::duration_cast<std::chrono::milliseconds>(now() - begin_);
    if (result_.errors.size() > kMaxErrors) {
      result_.errors.erase(0, result_.errors.size() - kMaxErrors);
    }
    done_ = true;
  }

  Timestamp begin_;
  Timestamp deadline_;
  pid_t pid_ = -1;
  UniqueFd output_;
  UniqueFd errors_;
  UniqueFd process_;
  bool killed_ = false;
  bool done_ = false;
  ChildResult result_;
};

}  // namespace

std::vector<ChildResult> run_children(std::span<const ChildSettings> children) {
  std::vector<Child> running;
  running.reserve(children.size());
  for (const ChildSettings& settings : children) running.emplace_back(settings);
  for (;;) {
    std::vector<pollfd> polled;
    std::optional<Timestamp> first;
    for (const Child& child : running) {
      if (child.done()) continue;
      child.add_to(polled);
      first = std::min(first.value_or(child.deadline()), child.deadline());
    }
    if (!first) break;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*first - now()).count();
    ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 250)));
    for (Child& child : running) {
      if (!child.done()) child.look();
    }
  }
  std::vector<ChildResult> results;
  for (Child& child : running) results.push_back(child.take());
  return results;
}

std::string signal_name(int number) {
  const char* const name = ::sigabbrev_np(number);
  return name == nullptr ? fmt::format("signal {}", number) : fmt::format("SIG{}", name);
}

}  // namespace lumen::probe
