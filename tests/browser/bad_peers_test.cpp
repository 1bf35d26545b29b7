// Peers that mean no good, at other addresses of this machine than the viewer's: who watches does
// not notice, and the host keeps its size.
#include "page.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <regex>

#include "core/time.h"
#include "garbage.h"
#include "platform/linux/unique_fd.h"

namespace lumen::browser {
namespace {

/// A connection from 127.0.0.`from` that has said `text`, whatever became of it.
UniqueFd attack(unsigned port, unsigned from, std::string_view text) {
  auto fd = UniqueFd::take(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(fd.borrow(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.borrow(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const int small = 4096;  // a reader that takes nothing fills it soon
  ::setsockopt(fd.borrow(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f000000U + from);
  (void)::bind(fd.borrow(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::connect(fd.borrow(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    (void)::send(fd.borrow(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  return fd;
}

/// The first line of the answer.
std::string answer_to(const UniqueFd& fd) {
  char text[256];
  const auto size = ::recv(fd.borrow(), text, sizeof text, 0);
  const std::string_view all(text, size < 0 ? 0 : static_cast<std::size_t>(size));
  return std::string(all.substr(0, all.find('\r')));
}

class BadPeersTest : public PageTest {
 protected:
  void watch(const std::string& fragment = "") {
    tab_ = open_page("", fragment);
    ASSERT_TRUE(becomes(tab_, "playing"));
    std::this_thread::sleep_for(std::chrono::seconds(2));
    memory_ = host_->rss_kib();
    before_ = evaluate(tab_, kInbound);
    begin_ = now();
  }
  /// Since watch(): pictures went on, without a hole, and the page's own requests were answered.
  void expect_nothing_noticed() {
    const json after = evaluate(tab_, kInbound);
    const double seconds = std::chrono::duration<double>(now() - begin_).count();
    const auto grown = [&](const char* key) {
      return after.value(key, 0.0) - before_.value(key, 0.0);
    };
    const double decoded = grown("framesDecoded");
    std::cerr << decoded / seconds << " pictures a second for " << seconds << " s, "
              << after.value("totalFreezesDuration", 0.0) << " s frozen; " << memory_
              << " KiB, now " << host_->rss_kib() << "\n";
    EXPECT_GE(decoded / seconds, 30 * 0.6);  // whatever else this machine does
    EXPECT_GE(decoded, grown("framesReceived") * 0.98 - 1);
    EXPECT_EQ(grown("packetsLost"), 0);
    EXPECT_LE(grown("totalFreezesDuration"), 0.5);
    EXPECT_EQ(evaluate(tab_, kState), "playing");
    EXPECT_EQ(evaluate(tab_, "fetch('/status').then((r) => r.status)"), 200);
    EXPECT_EQ(said(" leaves after ") + said(" is gone after "), 0U);
    EXPECT_LE(host_->rss_kib(), memory_ + 48 * 1024);
  }

  std::string tab_;
  std::uint64_t memory_ = 0;
  json before_;
  Timestamp begin_;
};

TEST_F(BadPeersTest, AThousandConnections) {
  start_host("synthetic:640x360@30");
  watch();
  const std::size_t threads = host_->threads();
  std::vector<UniqueFd> held;
  for (unsigned i = 0; i < 1000; ++i) {
    held.push_back(attack(port_, 2 + i % 4, i % 2 == 0 ? "" : "GET /status HTTP/1.1\r\nHost: "));
  }
  EXPECT_LE(host_->threads(), threads + 4 * 48);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  expect_nothing_noticed();
  const std::string another = open_page();
  EXPECT_TRUE(becomes(another, "playing"));
  // Those that were let in are let go, though they hold on.
  EXPECT_TRUE(eventually(Milliseconds(20000), [&] { return host_->threads() <= threads + 20; }))
      << host_->threads() << " threads, before " << threads;
}

TEST_F(BadPeersTest, ReadersThatReadNothing) {
  start_host("synthetic:640x360@30");
  watch();
  std::string pipeline;
  for (int i = 0; i < 200; ++i) pipeline += "GET /player.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::vector<UniqueFd> held;
  for (unsigned i = 0; i < 120; ++i) held.push_back(attack(port_, 2 + i % 3, pipeline));
  std::this_thread::sleep_for(std::chrono::seconds(4));
  expect_nothing_noticed();
}

TEST_F(BadPeersTest, HalfOpenTls) {
  start_host("synthetic:640x360@30", 0, "4M", "0.0.0.0");
  std::ifstream file(dir_ / "lumen/web-token");
  std::string token;
  file >> token;
  watch("#token=" + token);
  std::vector<UniqueFd> held;
  for (unsigned i = 0; i < 200; ++i) {
    // Nothing, the beginning of a ClientHello, and no TLS at all.
    constexpr std::string_view kHellos[] = {"", "\x16\x03\x01\x02", "GET / HTTP/1.1\r\n\r\n"};
    held.push_back(attack(port_, 2 + i % 4, kHellos[i % 3]));
  }
  std::this_thread::sleep_for(std::chrono::seconds(4));
  expect_nothing_noticed();
  EXPECT_TRUE(becomes(open_page(), "playing"));  // the cookie lets it in
}

// LUMEN_DATAGRAMS says how many; ten million were sent once.
TEST_F(BadPeersTest, GarbageAtTheMediasPort) {
  constexpr unsigned kBurst = 20;  // a millisecond
  const char* const wish = std::getenv("LUMEN_DATAGRAMS");
  const unsigned long count = wish == nullptr ? 100'000 : std::stoul(wish);
  start_host("synthetic:640x360@30");
  watch();
  const json answer = evaluate(tab_, "window.connections.at(-1).remoteDescription.sdp");
  std::smatch candidate;
  const auto text = answer.get<std::string>();
  ASSERT_TRUE(std::regex_search(text, candidate, std::regex("127\\.0\\.0\\.1 ([0-9]+) typ host")))
      << text;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(candidate[1])));
  const auto fd = UniqueFd::take(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Garbage garbage;
  unsigned long sent = 0;
  for (unsigned long i = 0; i < count; ++i) {
    const auto bytes = garbage.next();
    const auto size = ::sendto(fd.borrow(), bytes.data(), bytes.size(), 0,
                               reinterpret_cast<sockaddr*>(&address), sizeof address);
    sent += size == static_cast<ssize_t>(bytes.size()) ? 1 : 0;
    if (i % kBurst == kBurst - 1) std::this_thread::sleep_for(Milliseconds(1));
  }
  EXPECT_GE(sent, count * 9 / 10);
  expect_nothing_noticed();
  const std::string another = open_page();
  EXPECT_TRUE(becomes(another, "playing"));
}

TEST_F(BadPeersTest, WrongTokensByTheHundred) {
  start_host("synthetic:640x360@30", 0, "4M", "127.0.0.1", "?token=on");
  ASSERT_FALSE(encrypted_);
  std::ifstream file(dir_ / "lumen/web-token");
  std::string token;
  file >> token;
  watch("#token=" + token);
  unsigned wrong = 0;
  unsigned refused = 0;
  for (unsigned i = 0; i < 600; ++i) {
    const auto fd =
        attack(port_, 2 + i % 200,
               "GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer guess" +
                   std::to_string(i) + "\r\nConnection: close\r\n\r\n");
    const std::string answer = answer_to(fd);
    if (answer.starts_with("HTTP/1.1 401")) ++wrong;
    if (answer.starts_with("HTTP/1.1 429")) ++refused;
  }
  std::this_thread::sleep_for(std::chrono::seconds(2));
  // A hundred of all; then one of each of the two hundred addresses, of which half had theirs.
  EXPECT_EQ(wrong, 200U);
  EXPECT_EQ(refused, 400U);
  EXPECT_LE(said("wrong tokens"), 2U);
  EXPECT_EQ(said("guess"), 0U);
  expect_nothing_noticed();
}

}  // namespace
}  // namespace lumen::browser
