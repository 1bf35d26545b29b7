#include "app/control/control_server.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/control/socket_path.h"
#include "core/log.h"

namespace lumen::control {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostConnections = 32;
// An answer has some kilobytes; who asks without reading is not listened to any further.
constexpr std::size_t kMostUnsent = std::size_t{256} << 10;
constexpr unsigned kMostNames = 64;
constexpr Nanoseconds kFirstPatience = 200ms;
constexpr Nanoseconds kLongestPatience = 5s;

/// The default name or the first one after it that is free.
Result<ClaimedName> claim_any(const std::filesystem::path& folder) {
  Error last;
  for (unsigned i = 1; i <= kMostNames; ++i) {
    const std::string name =
        i == 1 ? std::string(kDefaultName) : fmt::format("{}-{}", kDefaultName, i);
    auto socket = ControlSocket::listen(folder, name);
    if (socket) return ClaimedName{.name = name, .socket = std::move(*socket)};
    last = std::move(socket.error());
    if (last.kind != ErrorKind::kRetry) break;
  }
  return tl::unexpected(std::move(last));
}

}  // namespace

Result<ClaimedName> claim_name(const std::string& wanted) {
  auto folder = socket_folder();
  if (wanted.empty()) {
    auto claimed = folder.and_then(claim_any);
    if (claimed) return claimed;
    return ClaimedName{.name = std::string(kDefaultName),
                       .socket = std::nullopt,
                       .trouble = std::move(claimed.error())};
  }
  if (!folder) return tl::unexpected(std::move(folder.error()));
  auto socket = ControlSocket::listen(*folder, wanted);
  if (!socket) return tl::unexpected(std::move(socket.error()));
  return ClaimedName{.name = wanted, .socket = std::move(*socket), .asked_for = true};
}

Result<std::unique_ptr<ControlServer>> ControlServer::start(ClaimedName claimed,
                                                            HostControl& host) {
  if (claimed.trouble) {
    log::area("control").warn("no control socket: {}", claimed.trouble->describe());
  } else if (claimed.name != kDefaultName && !claimed.asked_for) {
    log::area("control").info("another host runs; this one is called '{}' (--name)", claimed.name);
  }
  auto wake = UniqueFd::take(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno(ErrorKind::kIo, "eventfd", errno);
  return std::unique_ptr<ControlServer>(
      new ControlServer(std::move(claimed.name), std::move(claimed.socket), std::move(wake), host));
}

ControlServer::ControlServer(std::string name, std::optional<ControlSocket> socket, UniqueFd wake,
                             HostControl& host)
    : name_(std::move(name)),
      host_(host),
      socket_(std::move(socket)),
      wake_(std::move(wake)),
      thread_([this] { run(); }) {}

ControlServer::~ControlServer() {
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.borrow(), &one, sizeof(one));
  thread_.join();
}

void ControlServer::publish(const StreamStatus& status) {
  {
    const std::scoped_lock lock(mutex_);
    news_ = status;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.borrow(), &one, sizeof(one));
}

void ControlServer::run() {
  while (!stopping_) {
    connect_bus();
    tell_bus();
    wait();
  }
}

void ControlServer::wait() {
  std::vector<pollfd> fds = {{wake_.borrow(), POLLIN, 0}};
  const std::size_t first = fds.size();
  for (const Connection& connection : connections_) {
    const short events = connection.unsent.empty() ? POLLIN : POLLOUT;
    fds.push_back({connection.fd.borrow(), events, 0});
  }
  const std::size_t listening = fds.size();
  if (socket_) fds.push_back({socket_->fd(), POLLIN, 0});
  if (bus_) fds.push_back({bus_->fd(), bus_->events(), 0});

  const Timestamp until = bus_ ? bus_->deadline() : next_attempt_;
  int timeout = -1;
  if (until != Timestamp::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }
  if (::poll(fds.data(), fds.size(), timeout) < 0) return;

  std::uint64_t count = 0;
  if (fds[0].revents != 0) {
    [[maybe_unused]] const auto got = ::read(wake_.borrow(), &count, sizeof(count));
  }
  std::size_t at = first;
  for (auto connection = connections_.begin(); connection != connections_.end(); ++at) {
    const bool ended = fds[at].revents != 0 && !serve(*connection);
    connection = ended ? connections_.erase(connection) : std::next(connection);
  }
  if (socket_ && fds[listening].revents != 0) accept();
  if (bus_ && !bus_->process()) {
    bus_.reset();
    lost_bus_ = true;
    patience_ = kFirstPatience;
    next_attempt_ = now() + patience_;
    log::area("control").warn("the session bus went away; waiting for it to come back");
  }
}

// A bus that was never there is not waited for: the socket does all that it could.
void ControlServer::connect_bus() {
  if (bus_ || now() < next_attempt_) return;
  auto bus = BusService::connect(name_, host_);
  if (bus) {
    bus_ = std::move(*bus);
    if (std::exchange(lost_bus_, false)) log::area("control").info("the session bus is back");
    log::area("control").debug("on the session bus as {}", bus_name(name_));
    return;
  }
  if (lost_bus_) {
    patience_ = std::min(patience_ * 2, kLongestPatience);
    next_attempt_ = now() + patience_;
    return;
  }
  next_attempt_ = Timestamp::max();
  log::area("control").info("{}{}", bus.error().describe(),
                            socket_ ? "; the socket alone takes control" : "");
}

void ControlServer::tell_bus() {
  std::optional<StreamStatus> news;
  {
    const std::scoped_lock lock(mutex_);
    news = std::exchange(news_, std::nullopt);
  }
  if (news && bus_) bus_->publish(*news);
}

void ControlServer::accept() {
  for (;;) {
    auto fd = socket_->accept();
    if (!fd && fd.error().kind == ErrorKind::kRetry) return;
    if (!fd) {
      log::area("control").warn("{}", fd.error().describe());
      continue;
    }
    // The one that has said nothing for the longest makes room.
    if (connections_.size() >= kMostConnections) {
      connections_.erase(std::ranges::min_element(connections_, {}, &Connection::used));
    }
    connections_.emplace_back().fd = std::move(*fd);
  }
}

bool ControlServer::serve(Connection& connection) {
  if (!connection.unsent.empty() && !send(connection)) return false;
  if (connection.ending) return !connection.unsent.empty();
  const auto state = connection.lines.read(connection.fd.borrow());
  while (auto line = connection.lines.next()) {
    connection.used = now();
    if (line->empty()) continue;
    const TaggedRequest asked = parse_request(*line);
    auto result = asked.request
                      ? execute(*asked.request, host_)
                      : Result<nlohmann::ordered_json>(tl::unexpected(asked.request.error()));
    connection.unsent += answer_line(asked.tag, result) + "\n";
    if (!send(connection) || connection.unsent.size() > kMostUnsent) return false;
  }
  if (state == LineReader::State::kTooLong) {
    connection.unsent +=
        answer_line(nullptr, fail(ErrorKind::kInvalidArgument, "that is no request: too long")) +
        "\n";
    connection.ending = true;
  }
  if (state == LineReader::State::kEnded) connection.ending = true;
  if (!send(connection)) return false;
  return !connection.ending || !connection.unsent.empty();
}

bool ControlServer::send(Connection& connection) {
  while (!connection.unsent.empty()) {
    const auto sent = ::send(connection.fd.borrow(), connection.unsent.data(),
                             connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    connection.unsent.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace lumen::control
