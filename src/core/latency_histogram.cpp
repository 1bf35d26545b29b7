#include "core/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lumen {

// Values below 32 have a bucket each. Above, the five bits after the leading one pick the bucket.
std::size_t LatencyHistogram::bucket_of(std::uint64_t value) {
  if (value < kSubBuckets) return static_cast<std::size_t>(value);
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
  return (std::size_t{shift} << kSubBits) + static_cast<std::size_t>(value >> shift);
}

std::uint64_t LatencyHistogram::middle_of(std::size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const std::size_t shift = (bucket >> kSubBits) - 1;
  const std::uint64_t lowest = std::uint64_t{bucket - (shift << kSubBits)} << shift;
  return lowest + (std::uint64_t{1} << shift) / 2;
}

void LatencyHistogram::add(Nanoseconds duration) {
  const Nanoseconds value = std::max(duration, Nanoseconds{0});
  max_ = std::max(max_, value);
  ++buckets_[bucket_of(static_cast<std::uint64_t>(std::min(value.count(), kLimit)))];
  ++count_;
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Nanoseconds LatencyHistogram::percentile(double percent) const {
  if (count_ == 0) return Nanoseconds{0};
  const double share = std::clamp(percent, 0.0, 100.0) / 100.0;
  const auto rank = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(Nanoseconds{static_cast<std::int64_t>(middle_of(i))}, max_);
  }
  return max_;
}

LatencySummary LatencyHistogram::summary() const {
  return {.count = count_,
          .p50 = percentile(50),
          .p95 = percentile(95),
          .p99 = percentile(99),
          .max = max_};
}

}  // namespace lumen
