// UdpSocket over loopback: however it hands datagrams to the system, they arrive as they were.
#include "platform/udp_socket.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "../../support/udp_receiver.h"

namespace lumen {
namespace {

using Datagram = std::vector<std::uint8_t>;

Result<UdpSocket> to(const test::Receiver& receiver) {
  return UdpSocket::connect(resolve_udp("127.0.0.1", receiver.port()).value(), 1 << 20);
}

std::vector<Datagram> datagrams_of(const std::vector<std::size_t>& sizes) {
  std::vector<Datagram> datagrams;
  for (const std::size_t size : sizes) {
    datagrams.emplace_back(size, static_cast<std::uint8_t>(datagrams.size()));
  }
  return datagrams;
}

TEST(UdpSocket, DatagramsArriveInOrderAndWithTheirOwnBounds) {
  auto receiver = test::Receiver::bind(0);
  ASSERT_TRUE(receiver);
  auto socket = to(*receiver);
  ASSERT_TRUE(socket);
  std::vector<std::vector<std::size_t>> cases = {{1},
                                                 {100, 100, 100},
                                                 {100, 100, 40},
                                                 {40, 100, 100},
                                                 {100, 40, 100, 100, 40, 40, 100},
                                                 {1200, 1201, 1200, 1199},
                                                 {60000, 60000, 100}};
  cases.emplace_back(300, 1200);  // more than fit into one message, or into one call
  cases.emplace_back(300, 1);
  cases.back().push_back(2);
  for (const auto& sizes : cases) {
    const auto datagrams = datagrams_of(sizes);
    const std::vector<std::span<const std::uint8_t>> views(datagrams.begin(), datagrams.end());
    const auto outcome = socket->send(views);
    EXPECT_EQ(outcome.sent, datagrams.size());
    EXPECT_EQ(outcome.stop, UdpSendOutcome::Stop::kNone) << outcome.code;
    EXPECT_EQ(receiver->drain(), datagrams) << "first of " << sizes.front() << " bytes";
  }
}

TEST(UdpSocket, ADatagramThatIsTooLargeStopsThereAndIsCalledSo) {
  auto receiver = test::Receiver::bind(0);
  ASSERT_TRUE(receiver);
  auto socket = to(*receiver);
  ASSERT_TRUE(socket);
  const auto datagrams = datagrams_of({100, 100, 70000, 70000});
  const std::vector<std::span<const std::uint8_t>> views(datagrams.begin(), datagrams.end());
  const auto outcome = socket->send(views);
  EXPECT_EQ(outcome.sent, 2U);
  EXPECT_EQ(outcome.stop, UdpSendOutcome::Stop::kTooLarge);
  EXPECT_EQ(receiver->drain().size(), 2U);
}

TEST(UdpSocket, ReceivesFromItsPeerWhatFits) {
  auto receiver = test::Receiver::bind(0);
  ASSERT_TRUE(receiver);
  auto socket = to(*receiver);
  ASSERT_TRUE(socket);
  const Datagram hello(1);
  const std::span<const std::uint8_t> view(hello);
  ASSERT_EQ(socket->send({&view, 1}).sent, 1U);
  ASSERT_EQ(receiver->drain().size(), 1U);
  std::array<std::uint8_t, 100> buffer{};
  EXPECT_FALSE(socket->receive(buffer));
  receiver->send(Datagram(101, 1), receiver->from());
  receiver->send(Datagram(100, 2), receiver->from());
  const auto got = socket->receive(buffer);
  ASSERT_TRUE(got);
  EXPECT_EQ(Datagram(got->begin(), got->end()), Datagram(100, 2));
  EXPECT_FALSE(socket->receive(buffer));
}

}  // namespace
}  // namespace lumen
