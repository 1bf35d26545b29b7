#include "harness/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36's header doesn't say so itself
#include <sys/pidfd.h>
}

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

namespace lumen::session {
namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) return fail_errno(ErrorKind::kIo, "pipe2", errno);
  return Pipe{UniqueFd::take(fds[0]), UniqueFd::take(fds[1])};
}

/// What the child needs between fork and exec, where only async-signal-safe calls are allowed.
struct ChildPlan {
  const char* program;
  char** argv;
  char** envp;
  int input;
  int output;
  int error;
  int report;  // close-on-exec; gets errno when exec fails
  pid_t parent;
};

[[noreturn]] void become(const ChildPlan& plan) {
  setpgid(0, 0);
  // Descriptors that this program inherited without close-on-exec are none of the child's.
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before prctl().
  if (getppid() != plan.parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) std::signal(number, SIG_DFL);
  if (dup2(plan.input, STDIN_FILENO) >= 0 && dup2(plan.output, STDOUT_FILENO) >= 0 &&
      dup2(plan.error, STDERR_FILENO) >= 0) {
    execve(plan.program, plan.argv, plan.envp);
  }
  const int why = errno;
  [[maybe_unused]] const ssize_t written = write(plan.report, &why, sizeof why);
  _exit(127);
}

/// The number after "Name:" in a /proc status file; 0 when the file or the line isn't there.
std::uint64_t status_value(pid_t pid, std::string_view name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size(), nullptr, 10);
  }
  return 0;
}

}  // namespace

Environment inherited_environment() {
  Environment result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      result[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return result;
}

std::optional<std::filesystem::path> find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    if (access(std::string(name).c_str(), X_OK) == 0) return name;
    return std::nullopt;
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto candidate = std::filesystem::path(folder) / name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

std::string to_string(const Ending& ending) {
  if (ending.signal != 0) return std::string("signal ") + strsignal(ending.signal);
  return "exit status " + std::to_string(ending.code);
}

Result<Process> Process::spawn(ProcessSettings settings) {
  if (settings.argv.empty()) return fail(ErrorKind::kInvalidArgument, "no program to start");
  const auto program = find_program(settings.argv.front());
  if (!program) {
    return fail(ErrorKind::kNotFound, "no program " + settings.argv.front() + " on this machine");
  }
  Process process;
  process.name_ = program->filename();
  process.log_ = settings.log;

  const auto input = UniqueFd::take(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::filesystem::path log = settings.log.empty() ? "/dev/null" : settings.log;
  const auto error =
      UniqueFd::take(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!input || !error) return fail_errno(ErrorKind::kIo, "open " + log.string(), errno);
  auto report = make_pipe();
  if (!report) return tl::unexpected(report.error());
  UniqueFd output;
  if (settings.standard_output == StandardOutput::kPipe) {
    auto pipe = make_pipe();
    if (!pipe) return tl::unexpected(pipe.error());
    process.output_ = std::move(pipe->read);
    output = std::move(pipe->write);
  }

  std::vector<std::string> variables;
  for (const auto& [key, value] : settings.env) variables.push_back(key + "=" + value);
  const auto argv = pointers_to(settings.argv);
  const auto envp = pointers_to(variables);
  const ChildPlan plan = {.program = program->c_str(),
                          .argv = const_cast<char**>(argv.data()),
                          .envp = const_cast<char**>(envp.data()),
                          .input = input.borrow(),
                          .output = output ? output.borrow() : error.borrow(),
                          .error = error.borrow(),
                          .report = report->write.borrow(),
                          .parent = getpid()};
  process.pid_ = fork();
  if (process.pid_ == 0) become(plan);
  if (process.pid_ < 0) return fail_errno(ErrorKind::kIo, "fork", errno);
  setpgid(process.pid_, process.pid_);  // also here: whichever runs first
  process.pid_fd_ = UniqueFd::take(pidfd_open(process.pid_, 0));
  if (!process.pid_fd_) return fail_errno(ErrorKind::kIo, "pidfd_open", errno);

  report->write.reset();
  int why = 0;
  if (read(report->read.borrow(), &why, sizeof why) == sizeof why) {
    return fail_errno(ErrorKind::kIo, "start " + program->string(), why);
  }
  return process;
}

Process::Process(Process&& other) noexcept
    : name_(std::move(other.name_)),
      log_(std::move(other.log_)),
      pid_(std::exchange(other.pid_, -1)),
      pid_fd_(std::move(other.pid_fd_)),
      output_(std::move(other.output_)),
      buffered_(std::move(other.buffered_)),
      ending_(std::exchange(other.ending_, std::nullopt)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    if (pid_ > 0) stop();
    name_ = std::move(other.name_);
    log_ = std::move(other.log_);
    pid_ = std::exchange(other.pid_, -1);
    pid_fd_ = std::move(other.pid_fd_);
    output_ = std::move(other.output_);
    buffered_ = std::move(other.buffered_);
    ending_ = std::exchange(other.ending_, std::nullopt);
  }
  return *this;
}

Process::~Process() {
  if (pid_ > 0) stop();
}

std::string Process::log_text() const {
  std::ifstream file(log_);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool Process::running() { return pid_ > 0 && !wait(Milliseconds(0)).has_value(); }

Result<Ending> Process::wait(Milliseconds timeout) {
  if (ending_) return *ending_;
  const auto deadline = Clock::now() + timeout;
  pollfd entry = {pid_fd_.borrow(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&entry, 1, milliseconds_until(deadline));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return fail(ErrorKind::kRetry, name_ + " still runs");
  // Before the zombie is reaped its number can't belong to another group.
  if (ready > 0) ::kill(-pid_, SIGKILL);
  siginfo_t info{};
  if (ready < 0 || waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0) {
    return fail_errno(ErrorKind::kIo, "wait for " + name_, errno);
  }
  ending_ = info.si_code == CLD_EXITED ? Ending{.code = info.si_status, .signal = 0}
                                       : Ending{.code = 0, .signal = info.si_status};
  return *ending_;
}

void Process::signal(int number) {
  if (running()) ::kill(pid_, number);
}

Ending Process::stop(Milliseconds grace) {
  if (ending_) return *ending_;
  ::kill(-pid_, SIGTERM);
  if (const auto ending = wait(grace)) return *ending;
  return kill();
}

Ending Process::kill() {
  if (ending_) return *ending_;
  ::kill(-pid_, SIGKILL);
  return wait(Milliseconds(10000)).value_or(Ending{.code = 0, .signal = SIGKILL});
}

/// Reads what is there, waiting at most until the deadline; false at the end of the output.
Result<bool> Process::fill(Clock::time_point deadline) {
  if (!output_) return fail(ErrorKind::kInvalidArgument, name_ + ": its output goes to the log");
  pollfd entry = {output_.borrow(), POLLIN, 0};
  const int ready = poll(&entry, 1, milliseconds_until(deadline));
  if (ready == 0) return fail(ErrorKind::kRetry, name_ + " wrote nothing more in time");
  std::array<char, 65536> chunk;
  const ssize_t got = ready < 0 ? -1 : read(output_.borrow(), chunk.data(), chunk.size());
  if (got < 0 && errno == EINTR) return true;
  if (got < 0) return fail_errno(ErrorKind::kIo, "read from " + name_, errno);
  buffered_.append(chunk.data(), static_cast<std::size_t>(got));
  return got > 0;
}

Result<std::string> Process::read_line(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    if (const auto end = buffered_.find('\n'); end != std::string::npos) {
      std::string line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    const auto more = fill(deadline);
    if (!more) return tl::unexpected(more.error());
    if (!*more) return fail(ErrorKind::kIo, name_ + " wrote no further line");
  }
}

Result<std::string> Process::read_value(std::string_view prefix, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    auto line = read_line(Milliseconds(milliseconds_until(deadline)));
    if (!line) return with_context("waiting for \"" + std::string(prefix) + "\"", line.error());
    if (line->starts_with(prefix)) return line->substr(prefix.size());
  }
}

Result<std::string> Process::read_all(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    const auto more = fill(deadline);
    if (!more) return tl::unexpected(more.error());
    if (!*more) return std::exchange(buffered_, {});
  }
}

std::uint64_t Process::rss_kib() const { return status_value(pid_, "VmRSS:"); }

std::size_t Process::threads() const { return status_value(pid_, "Threads:"); }

std::size_t Process::fd_count() const {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid_) + "/fd", error);
  if (error) return 0;
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

double Process::cpu_seconds() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  // proc(5): the name in brackets may hold spaces; utime and stime are fields 14 and 15.
  const auto after_name = text.rfind(')');
  if (after_name == std::string::npos) return 0;
  std::istringstream fields(text.substr(after_name + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::uint64_t Process::wake_ups() const {
  std::uint64_t sum = 0;
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(pid_) + "/task", error);
  if (error) return 0;
  for (const auto& task : tasks) {
    std::ifstream file(task.path() / "status");
    for (std::string line; std::getline(file, line);) {
      constexpr std::string_view kKey = "voluntary_ctxt_switches:";
      if (line.starts_with(kKey)) sum += std::stoull(line.substr(kKey.size()));
    }
  }
  return sum;
}

void polling_pause() { std::this_thread::sleep_for(Milliseconds(20)); }

}  // namespace lumen::session
