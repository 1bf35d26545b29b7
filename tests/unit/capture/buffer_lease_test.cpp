#include "capture/captured_frame.h"

#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

struct Returns final : LeaseReturn {
  std::vector<std::uint64_t> tokens;
  void give_back(std::uint64_t token) noexcept override { tokens.push_back(token); }
};

TEST(BufferLease, GivesItsBufferBackExactlyOnce) {
  auto returns = std::make_shared<Returns>();
  {
    BufferLease lease(returns, 7);
    BufferLease moved(std::move(lease));
    EXPECT_FALSE(lease);  // NOLINT(bugprone-use-after-move): a moved-from lease is empty
    EXPECT_TRUE(returns->tokens.empty());
    moved.drop();
    moved.drop();
  }
  EXPECT_EQ(returns->tokens, std::vector<std::uint64_t>{7});
}

TEST(BufferLease, AssignmentReturnsWhatWasHeld) {
  auto returns = std::make_shared<Returns>();
  BufferLease lease(returns, 1);
  lease = BufferLease(returns, 2);
  EXPECT_EQ(returns->tokens, std::vector<std::uint64_t>{1});
  lease = BufferLease();
  EXPECT_EQ(returns->tokens, (std::vector<std::uint64_t>{1, 2}));
}

TEST(BufferLease, KeepsTheWayBackAliveAfterTheSourceIsGone) {
  auto returns = std::make_shared<Returns>();
  const std::weak_ptr<Returns> watch = returns;
  BufferLease lease(std::move(returns), 3);
  EXPECT_FALSE(watch.expired());
  lease.drop();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace lumen
