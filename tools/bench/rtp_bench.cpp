// What sending one packet of plain RTP costs the thread that sends: packetizing, remembering and
// sending pictures of 500 Mb/s at 60 frames/s without pacing, beside the kernel's own cost for the
// same bytes. All on loopback, where the sender's thread also carries each packet to the receiver's
// socket.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <netinet/udp.h>
#include <sys/socket.h>
#include <time.h>

#include "../../tests/support/udp_receiver.h"
#include "platform/linux/unique_fd.h"
#include "platform/udp_socket.h"
#include "sink/rtp/packet_sender.h"
#include "sink/rtp/packetizer.h"

namespace lumen {
namespace {

constexpr std::size_t kFrameBytes = 500'000'000 / 8 / 60;
constexpr unsigned kFrames = 200;  // of a round
constexpr unsigned kRounds = 5;    // the best counts
constexpr std::size_t kBurst = 8;  // packets handed over at a time, as the pacer does

double thread_microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// One slice as large as the frame.
std::vector<std::uint8_t> access_unit() {
  std::vector<std::uint8_t> bytes(kFrameBytes, 0x55);
  constexpr std::array<std::uint8_t, 5> kStart{0, 0, 0, 1, 0x41};
  std::ranges::copy(kStart, bytes.begin());
  return bytes;
}

int connected_socket(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  (void)::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  return fd;
}

/// The kernel's cost for datagrams: `kBurst` messages in a call, or one message taken apart.
void raw_send(int fd, std::span<const rtp::Bytes> packets, bool segments) {
  std::array<iovec, kBurst> parts{};
  std::array<mmsghdr, kBurst> messages{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
  for (std::size_t i = 0; i < packets.size(); ++i) {
    parts[i] = {const_cast<std::uint8_t*>(packets[i].data()), packets[i].size()};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  if (!segments) {
    (void)::sendmmsg(fd, messages.data(), static_cast<unsigned>(packets.size()), 0);
    return;
  }
  msghdr& message = messages[0].msg_hdr;
  message.msg_iovlen = packets.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto size = static_cast<std::uint16_t>(packets.front().size());
  std::memcpy(CMSG_DATA(header), &size, sizeof size);
  (void)::sendmsg(fd, &message, 0);
}

void by_bursts(std::size_t packets, const std::function<void(std::size_t, std::size_t)>& send) {
  for (std::size_t at = 0; at < packets; at += kBurst) send(at, std::min(kBurst, packets - at));
}

/// Microseconds of this thread per packet; what arrived is read between frames, untimed.
double measure(test::Receiver& receiver, std::size_t packets, const std::function<void()>& frame) {
  double best = 1e9;
  std::size_t arrived = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    double spent = 0;
    for (unsigned i = 0; i < kFrames; ++i) {
      const double begin = thread_microseconds();
      frame();
      spent += thread_microseconds() - begin;
      arrived += receiver.drain().size();
    }
    best = std::min(best, spent / static_cast<double>(kFrames * packets));
  }
  const std::size_t sent = std::size_t{kRounds} * kFrames * packets;
  if (arrived != 0 && arrived != sent) {
    std::printf("  (%zu of %zu packets arrived)\n", arrived, sent);
  }
  return best;
}

int run() {
  auto receiver = test::Receiver::bind(0);
  if (!receiver) return 1;
  const auto address = resolve_udp("127.0.0.1", receiver->port());
  if (!address) return 1;
  auto socket = UdpSocket::connect(*address, 4 << 20);
  if (!socket) return 1;

  const std::vector<std::uint8_t> picture = access_unit();
  rtp::HeaderExtensions extensions{.abs_capture_time = 4, .transport_sequence = 3};
  rtp::Packetizer packetizer({.extensions = extensions});
  rtp::PacketSender sender(*std::move(socket), std::nullopt, {.extensions = extensions});
  const auto packetize = [&] { return packetizer.packetize(Codec::kH264, {}, picture, 0).size(); };
  const std::size_t packets = packetize();
  const UniqueFd raw = UniqueFd::take(connected_socket(receiver->port()));

  std::printf("%zu packets of up to 1200 bytes a frame, bursts of %zu; us of CPU per packet\n",
              packets, kBurst);
  const double packetizing = measure(*receiver, packets, [&] { packetize(); });
  const double floor_messages = measure(*receiver, packets, [&] {
    by_bursts(packets, [&](std::size_t first, std::size_t count) {
      raw_send(raw.borrow(), packetizer.packets().subspan(first, count), false);
    });
  });
  const double floor_segments = measure(*receiver, packets, [&] {
    by_bursts(packets, [&](std::size_t first, std::size_t count) {
      raw_send(raw.borrow(), packetizer.packets().subspan(first, count), true);
    });
  });
  const double all = measure(*receiver, packets, [&] {
    packetize();
    by_bursts(packets, [&](std::size_t first, std::size_t count) {
      (void)sender.send(packetizer, first, count, now());
    });
  });
  std::printf("floor: sendmmsg                 %.2f\n", floor_messages);
  std::printf("floor: UDP_SEGMENT              %.2f\n", floor_segments);
  std::printf("packetizing                     %.2f\n", packetizing);
  std::printf("packetizing, remembering, sending %.2f (%.2f x the lower floor)\n", all,
              all / std::min(floor_messages, floor_segments));
  std::printf("one core carries                %.0f Mb/s\n", 1200 * 8 / all);
  return 0;
}

}  // namespace
}  // namespace lumen

int main() { return lumen::run(); }
