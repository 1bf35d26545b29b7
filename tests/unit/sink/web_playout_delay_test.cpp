#include "sink/web/playout_delay.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lumen::web {
namespace {

using namespace std::chrono_literals;

class PlayoutDelayTest : public testing::Test {
 protected:
  /// Five hundred packets a second, reported each 50 ms after a round trip.
  void run(Nanoseconds duration, double loss, Nanoseconds round_trip = 40ms) {
    std::uniform_real_distribution<double> chance(0, 1);
    for (const Timestamp end = time_ + duration; time_ < end; time_ += 50ms) {
      std::vector<rtp::PacketReport> reports;
      for (int i = 0; i < 25; ++i) {
        rtp::PacketReport& report = reports.emplace_back();
        report.sent = time_ + i * 2ms;
        if (chance(random_) >= loss) report.arrived = Nanoseconds{0};
      }
      delay_.on_packets(time_ + 48ms + round_trip, reports);
    }
  }

  PlayoutDelay delay_;
  Timestamp time_{1h};
  std::mt19937 random_{5};
};

TEST_F(PlayoutDelayTest, IsNoneWhereNothingIsLost) {
  run(60s, 0);
  EXPECT_EQ(delay_.tens_of_milliseconds(), 0U);
}

TEST_F(PlayoutDelayTest, IsNoneForALossNowAndThen) {
  run(60s, 0.001);
  EXPECT_EQ(delay_.tens_of_milliseconds(), 0U);
}

TEST_F(PlayoutDelayTest, CoversARepairWherePacketsAreLost) {
  run(5s, 0.05);
  EXPECT_EQ(delay_.tens_of_milliseconds(), 6U) << "40 ms and what it takes to notice";
}

TEST_F(PlayoutDelayTest, IsBounded) {
  run(5s, 0.05, 2s);
  EXPECT_EQ(delay_.tens_of_milliseconds(), 30U);
}

TEST_F(PlayoutDelayTest, GoesAwayOnceTheWayHasBeenGoodForAWhile) {
  run(5s, 0.05);
  run(8s, 0);
  EXPECT_EQ(delay_.tens_of_milliseconds(), 6U);
  run(8s, 0);
  EXPECT_EQ(delay_.tens_of_milliseconds(), 0U);
}

}  // namespace
}  // namespace lumen::web
