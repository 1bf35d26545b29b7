#include "core/latency_histogram.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LatencyHistogram, EmptyIsAllZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), Nanoseconds{0});
  EXPECT_EQ(histogram.percentile(50), Nanoseconds{0});
}

TEST(LatencyHistogram, EveryValueFrom1usTo100sIsWithin1Point6Percent) {
  for (double value = 1e3; value <= 1e11; value *= 1.0037) {
    const Nanoseconds exact{static_cast<std::int64_t>(value)};
    LatencyHistogram histogram;
    histogram.add(exact);
    histogram.add(seconds(100));  // so that the answer is the bucket's, not the maximum
    const double reported = static_cast<double>(histogram.percentile(50).count());
    ASSERT_NEAR(reported, value, value * 0.016 + 1) << exact.count();
  }
}

TEST(LatencyHistogram, PercentilesFollowTheSortedValues) {
  std::mt19937 random(7);
  std::lognormal_distribution<double> milliseconds_of(0.5, 1.2);
  LatencyHistogram histogram;
  std::vector<double> sorted;
  for (int i = 0; i < 20'000; ++i) {
    const double value = milliseconds_of(random) * 1e6;
    sorted.push_back(value);
    histogram.add(Nanoseconds{static_cast<std::int64_t>(value)});
  }
  std::sort(sorted.begin(), sorted.end());
  for (const double percent : {1.0, 50.0, 95.0, 99.0, 99.9}) {
    const double exact = sorted[static_cast<std::size_t>(percent / 100 * 20'000) - 1];
    EXPECT_NEAR(static_cast<double>(histogram.percentile(percent).count()), exact, exact * 0.016)
        << percent;
  }
  EXPECT_EQ(histogram.max().count(), static_cast<std::int64_t>(sorted.back()));
  EXPECT_EQ(histogram.percentile(100), histogram.max());
}

TEST(LatencyHistogram, NearestRankOfFewValues) {
  LatencyHistogram histogram;
  for (const int us : {10, 20, 30}) histogram.add(microseconds(us));
  const LatencySummary summary = histogram.summary();
  EXPECT_EQ(summary.count, 3U);
  EXPECT_NEAR(static_cast<double>(summary.p50.count()), 20e3, 320);
  EXPECT_NEAR(static_cast<double>(summary.p99.count()), 30e3, 480);
  EXPECT_EQ(summary.max, microseconds(30));
}

TEST(LatencyHistogram, OutOfRangeValuesAreKeptAtTheEnds) {
  LatencyHistogram histogram;
  histogram.add(Nanoseconds{-5});
  EXPECT_EQ(histogram.percentile(50), Nanoseconds{0});
  histogram.add(seconds(5000));
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.max(), seconds(5000));
  EXPECT_NEAR(static_cast<double>(histogram.percentile(99).count()), 100e9, 1.6e9);
}

TEST(LatencyHistogram, MergeEqualsAddingToOne) {
  LatencyHistogram left;
  LatencyHistogram right;
  LatencyHistogram both;
  for (int i = 1; i <= 100; ++i) {
    (i % 3 == 0 ? left : right).add(milliseconds(i));
    both.add(milliseconds(i));
  }
  left.merge(right);
  EXPECT_EQ(left.count(), 100U);
  EXPECT_EQ(left.max(), milliseconds(100));
  for (const double percent : {5.0, 50.0, 95.0}) {
    EXPECT_EQ(left.percentile(percent), both.percentile(percent));
  }
  left.clear();
  EXPECT_EQ(left.count(), 0U);
  EXPECT_EQ(left.percentile(50), Nanoseconds{0});
}

}  // namespace
}  // namespace lumen
