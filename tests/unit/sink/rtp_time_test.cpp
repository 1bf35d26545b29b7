// The 90 kHz clock, sender reports and pacing: everything about time that needs no socket.
#include <numeric>

#include <gtest/gtest.h>

#include "sink/rtp/pacer.h"
#include "sink/rtp/rtcp.h"
#include "sink/rtp/rtp_clock.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

TEST(RtpClock, SixtyFramesPerSecondAreExactly1500TicksApartForTenHours) {
  const Timestamp start{12345678901ns};
  const rtp::RtpClock clock(start, 0xfffff000);
  std::uint32_t expected = 0xfffff000;
  for (std::uint64_t n = 0; n <= 36'000 * 60; ++n, expected += 1500) {
    ASSERT_EQ(clock.at(start + frame_offset({60, 1}, n)), expected) << "frame " << n;
  }
}

TEST(RtpClock, NtscRatesStayWithinHalfATickForTenHours) {
  const Timestamp start{987654321ns};
  const rtp::RtpClock clock(start, 77);
  for (std::uint64_t n = 0; n <= 36'000 * 60; ++n) {
    // Frame n lies at n * 1501.5 ticks; its time in nanoseconds is cut to whole ones, which is less
    // than 0.0001 ticks.
    const std::uint64_t low = n * 3003 / 2;
    const std::uint32_t ticks = clock.at(start + frame_offset({60000, 1001}, n)) - 77;
    ASSERT_LE(ticks - static_cast<std::uint32_t>(low), n % 2) << "frame " << n;
  }
}

TEST(RtpClock, RoundsToTheNearestTickOnBothSidesOfTheOrigin) {
  const Timestamp start{1h};
  const rtp::RtpClock clock(start, 1000);
  EXPECT_EQ(clock.at(start + 5555ns), 1000U);  // 0.49995 ticks
  EXPECT_EQ(clock.at(start + 5556ns), 1001U);
  EXPECT_EQ(clock.at(start - 5555ns), 1000U);
  EXPECT_EQ(clock.at(start - 5556ns), 999U);
  EXPECT_EQ(clock.at(start - 1s), 1000U - 90'000U);
}

TEST(Rtcp, NtpTimeCountsFrom1900InBinaryFractions) {
  using std::chrono::sys_time;
  EXPECT_EQ(rtp::ntp_time(sys_time<Nanoseconds>{0ns}), 2'208'988'800ULL << 32);
  EXPECT_EQ(rtp::ntp_time(sys_time<Nanoseconds>{1s + 500ms}), 2'208'988'801ULL << 32 | 0x80000000U);
  EXPECT_EQ(rtp::ntp_time(sys_time<Nanoseconds>{999'999'999ns}) >> 32, 2'208'988'800ULL);
}

TEST(Rtcp, CompoundIsSenderReportThenCname) {
  const rtp::SenderReport report{.ssrc = 0x01020304,
                                 .ntp = 0x1112131415161718,
                                 .rtp_time = 0x21222324,
                                 .packets = 0x31323334,
                                 .payload_bytes = 0x41424344};
  const std::vector<std::uint8_t> expected = {
      0x80, 200,  0,    6,     // version 2, no report blocks, 7 words in all
      0x01, 0x02, 0x03, 0x04,  // SSRC
      0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0x23, 0x24,  // NTP, RTP
      0x31, 0x32, 0x33, 0x34, 0x41, 0x42, 0x43, 0x44,                          // counts
      0x81, 202,  0,    3,    0x01, 0x02, 0x03, 0x04,                          // SDES, one chunk
      1,    4,    'n',  'a',  'm',  'e',  0,    0};  // CNAME, end of list, filled to a word
  EXPECT_EQ(rtp::make_compound(report, "name", rtp::Farewell::kNone), expected);
}

TEST(Rtcp, ItemListAlwaysEndsInAZeroAndWholeWords) {
  for (std::size_t length = 0; length <= 300; ++length) {
    const auto compound = rtp::make_compound({}, std::string(length, 'x'), rtp::Farewell::kBye);
    ASSERT_EQ(compound.size() % 4, 0U);
    const std::size_t sdes_words = std::size_t{compound[30]} << 8 | compound[31];
    const std::size_t sdes_end = 28 + 4 * (sdes_words + 1);
    ASSERT_LE(sdes_end, compound.size());
    EXPECT_EQ(compound[37], std::min<std::size_t>(length, 255));
    EXPECT_EQ(compound[sdes_end - 1], 0) << "no null octet ends the chunk";
    EXPECT_EQ(compound[sdes_end + 1], 203) << "BYE";
    EXPECT_EQ(compound.size(), sdes_end + 8);
  }
}

TEST(Rtcp, CnamesAreSixteenCharactersAndDiffer) {
  const std::string one = rtp::make_cname();
  EXPECT_EQ(one.size(), 16U);
  EXPECT_NE(one, rtp::make_cname());
}

class Bursts : public testing::Test {
 protected:
  std::vector<rtp::Burst> plan(std::size_t packets, std::size_t bytes, Nanoseconds budget) {
    std::vector<rtp::Burst> bursts;
    rtp::plan_bursts(std::vector<std::size_t>(packets, bytes), budget, settings_, bursts);
    std::size_t next = 0;
    Nanoseconds last{-1};
    for (const auto& burst : bursts) {
      EXPECT_EQ(burst.first, next) << "packets lost or out of order";
      EXPECT_GT(burst.count, 0U);
      EXPECT_GT(burst.at, last);
      next += burst.count;
      last = burst.at;
    }
    EXPECT_EQ(next, packets);
    EXPECT_LT(last, budget);
    if (!bursts.empty()) {
      EXPECT_EQ(bursts.front().at, 0ns) << "the first packet never waits";
    }
    return bursts;
  }
  rtp::PacingSettings settings_;
};

TEST_F(Bursts, BudgetIsAQuarterOfTheFrameInterval) {
  EXPECT_EQ(rtp::pacing_budget({60, 1}), 4'166'666ns);
  EXPECT_EQ(rtp::pacing_budget({30, 1}), 8'333'333ns);
  EXPECT_EQ(rtp::pacing_budget({0, 1}), 4'166'666ns);
}

TEST_F(Bursts, SmallFramesLeaveAtOnce) {
  EXPECT_TRUE(plan(0, 0, 4ms).empty());
  EXPECT_EQ(plan(1, 100, 4ms).size(), 1U);
  EXPECT_EQ(plan(8, 1200, 4ms).size(), 1U);
}

TEST_F(Bursts, AUsualFrameGoesInShortBurstsAndUsesOnlyTheTimeItNeeds) {
  const auto bursts = plan(35, 1200, 4166us);  // 20 Mb/s at 60 fps
  ASSERT_EQ(bursts.size(), 5U);
  for (const auto& burst : bursts) EXPECT_EQ(burst.count, 7U);
  EXPECT_EQ(bursts.back().at, 4 * settings_.gap);
}

TEST_F(Bursts, AKeyFrameIsSpreadOverTheWholeBudgetInLargerBursts) {
  const auto bursts = plan(1000, 1200, 4ms);
  EXPECT_EQ(bursts.size(), 20U);  // 4 ms / 200 µs
  EXPECT_EQ(bursts.back().at, 3800us);
  for (const auto& burst : bursts) EXPECT_EQ(burst.count, 50U);
}

TEST_F(Bursts, AnyMixOfSizesAndBudgetsKeepsTheRules) {
  for (std::size_t packets = 1; packets < 200; packets += 7) {
    for (const std::size_t bytes : {40U, 256U, 1200U, 9000U}) {
      for (const Nanoseconds budget : {Nanoseconds{1}, Nanoseconds{100us}, Nanoseconds{4ms}}) {
        plan(packets, bytes, budget);
      }
    }
  }
  std::vector<rtp::Burst> bursts;
  rtp::plan_bursts(std::vector<std::size_t>{9000, 1, 1, 9000, 1, 9000, 9000}, 4ms, settings_,
                   bursts);
  const auto sum = [](std::size_t total, const rtp::Burst& b) { return total + b.count; };
  EXPECT_EQ(std::accumulate(bursts.begin(), bursts.end(), std::size_t{0}, sum), 7U);
}

// 200 kB on a way that is thought to carry 10 Mb/s: 160 ms of it, sent within 64.
TEST(Pacer, AKeyFrameTakesTheTimeThatTheWayDemands) {
  const std::vector<std::size_t> key(200, 1000);
  rtp::Pacer pacer;
  pacer.begin({60, 1}, rtp::Pacer::Picture::kKey);
  const auto bursts = pacer.plan(key, 10'000'000);
  EXPECT_GT(bursts.back().at, 55ms);
  EXPECT_LT(bursts.back().at, 64ms);
  // No burst is more than an eighth over the usual.
  for (const auto& burst : bursts) EXPECT_LE(burst.count, 11U);

  pacer.begin({60, 1}, rtp::Pacer::Picture::kKey);
  EXPECT_LT(pacer.plan(key, 1'000'000).back().at, 250ms) << "never longer";
  pacer.begin({60, 1}, rtp::Pacer::Picture::kKey);
  EXPECT_LT(pacer.plan(key, 0).back().at, 4'166'666ns) << "nothing is known of the way";
  pacer.begin({60, 1}, rtp::Pacer::Picture::kPredicted);
  EXPECT_LT(pacer.plan(key, 10'000'000).back().at, 4'166'666ns);
}

TEST(Pacer, PartsOfAPictureShareItsTime) {
  const std::vector<std::size_t> part(40, 1200);
  rtp::Pacer pacer;
  pacer.begin({60, 1}, rtp::Pacer::Picture::kPredicted);
  Nanoseconds spent{0};
  for (int i = 0; i < 6; ++i) {
    const auto bursts = pacer.plan(part, 0);
    if (!bursts.empty()) spent += bursts.back().at;
  }
  EXPECT_LT(spent, 4'166'666ns);
  EXPECT_EQ(pacer.plan(part, 0).size(), 1U) << "the time is over: the rest goes at once";
}

}  // namespace
}  // namespace lumen
