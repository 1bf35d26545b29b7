#include "relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace lumen::browser {
namespace {

using namespace std::chrono_literals;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Result<UniqueFd> open_socket() {
  auto fd = UniqueFd::take(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(0);
  if (::bind(fd.borrow(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(ErrorKind::kIo, "bind", errno);
  }
  const int bytes = 4 << 20;
  (void)::setsockopt(fd.borrow(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return fd;
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::start() {
  auto front = open_socket();
  if (!front) return tl::unexpected(front.error());
  auto back = open_socket();
  if (!back) return tl::unexpected(back.error());
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(front->borrow(), reinterpret_cast<sockaddr*>(&address), &size);
  return std::unique_ptr<Relay>(
      new Relay(std::move(*front), std::move(*back), ntohs(address.sin_port)));
}

Relay::Relay(UniqueFd front, UniqueFd back, std::uint16_t port)
    : front_(std::move(front)), back_(std::move(back)), port_(port), thread_([this] { run(); }) {}

Relay::~Relay() {
  ending_ = true;
  thread_.join();
}

void Relay::set(const Line& line) {
  const std::scoped_lock lock(mutex_);
  line_ = line;
}

Relay::Counts Relay::take_counts() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(counts_, Counts{});
}

void Relay::run() {
  while (!ending_) {
    std::chrono::nanoseconds wait = 20ms;
    if (!packets_.empty())
      wait = std::clamp<std::chrono::nanoseconds>(packets_.front().due - Clock::now(), 0ns, 20ms);
    const timespec limit{.tv_sec = 0, .tv_nsec = static_cast<long>(wait.count())};
    pollfd fds[] = {{front_.borrow(), POLLIN, 0}, {back_.borrow(), POLLIN, 0}};
    ::ppoll(fds, 2, &limit, nullptr);
    receive(front_.borrow(), false);
    receive(back_.borrow(), true);
    while (!packets_.empty() && packets_.front().due <= Clock::now()) {
      send(packets_.front());
      packets_.pop_front();
    }
  }
}

void Relay::receive(int fd, bool to_browser) {
  std::uint8_t bytes[2048];
  for (;;) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(fd, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) return;
    if (!to_browser) browser_ = from;
    admit({bytes, bytes + got}, to_browser);
  }
}

void Relay::admit(std::vector<std::uint8_t> bytes, bool to_browser) {
  const std::scoped_lock lock(mutex_);
  const Clock::time_point time = Clock::now();
  Clock::time_point due = time + line_.delay;
  if (to_browser) {
    std::uniform_real_distribution<double> chance(0, 1);
    if (burst_left_ == 0 && chance(random_) < line_.loss / line_.burst) burst_left_ = line_.burst;
    if (burst_left_ > 0) {
      --burst_left_;
      ++counts_.lost;
      return;
    }
    const Clock::time_point start = std::max(time, free_);
    if (start - time > line_.queue) {
      ++counts_.overflowed;
      return;
    }
    if (line_.bits_per_second > 0) {
      free_ = start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                          static_cast<double>(bytes.size() + 28) * 8e9 / line_.bits_per_second));
      due = free_ + line_.delay;
    }
    if (chance(random_) < line_.reordered) due += 10ms;
    counts_.longest = std::max<std::chrono::nanoseconds>(counts_.longest, start - time);
    ++counts_.packets;
    counts_.bytes += bytes.size();
  }
  const auto place = std::upper_bound(
      packets_.begin(), packets_.end(), due,
      [](Clock::time_point when, const Packet& packet) { return when < packet.due; });
  packets_.insert(place, {due, to_browser, std::move(bytes)});
}

void Relay::send(const Packet& packet) {
  if (packet.to_browser) {
    (void)::sendto(front_.borrow(), packet.bytes.data(), packet.bytes.size(), 0,
                   reinterpret_cast<const sockaddr*>(&browser_), sizeof browser_);
  } else if (const std::uint16_t port = host_port_; port != 0) {
    const sockaddr_in host = loopback(port);
    (void)::sendto(back_.borrow(), packet.bytes.data(), packet.bytes.size(), 0,
                   reinterpret_cast<const sockaddr*>(&host), sizeof host);
  }
}

}  // namespace lumen::browser
