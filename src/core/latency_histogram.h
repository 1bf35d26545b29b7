// Percentiles of durations in fixed memory: a log-linear histogram with 32 buckets per power of
// two, so that a bucket's middle is within 1/64 (1.6%) of every value in it.
//
// Values from 0 to 100 s; longer ones are counted as 100 s (max() stays exact), negative ones as 0.
// Not thread-safe. No failure, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/time.h"

namespace lumen {

/// What people read of a histogram. All zero when count is 0.
struct LatencySummary {
  std::uint64_t count = 0;
  Nanoseconds p50{0};
  Nanoseconds p95{0};
  Nanoseconds p99{0};
  Nanoseconds max{0};
};

class LatencyHistogram {
 public:
  void add(Nanoseconds duration);
  void merge(const LatencyHistogram& other);
  void clear() { *this = LatencyHistogram{}; }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The longest duration added, exact. 0 when empty.
  [[nodiscard]] Nanoseconds max() const { return max_; }
  /// The value that `percent` (0..100) of all values do not exceed (nearest rank). 0 when empty.
  [[nodiscard]] Nanoseconds percentile(double percent) const;
  [[nodiscard]] LatencySummary summary() const;

 private:
  static constexpr unsigned kSubBits = 5;
  static constexpr std::size_t kSubBuckets = std::size_t{1} << kSubBits;
  static constexpr std::int64_t kLimit = 100'000'000'000;  // ns; needs 37 bits
  static constexpr std::size_t kBuckets = (37 - kSubBits + 1) * kSubBuckets;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t middle_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  Nanoseconds max_{0};
};

}  // namespace lumen
