#include "sink/rtp/pacer.h"

#include <algorithm>
#include <numeric>

namespace lumen::rtp {
namespace {

constexpr double kAheadOfEstimate = 2.5;
constexpr Nanoseconds kLongestKeyFrame = std::chrono::milliseconds{250};

}  // namespace

Nanoseconds pacing_budget(FrameRate rate) {
  const FrameRate effective = rate.variable() ? FrameRate{60, 1} : rate;
  return frame_offset(effective, 1) / 4;
}

Nanoseconds key_frame_time(std::size_t bytes, std::uint64_t bandwidth_bps) {
  if (bandwidth_bps == 0) return Nanoseconds{0};
  const std::chrono::duration<double> wanted{static_cast<double>(bytes) * 8 / kAheadOfEstimate /
                                             static_cast<double>(bandwidth_bps)};
  return std::chrono::duration_cast<Nanoseconds>(
      std::min<std::chrono::duration<double>>(wanted, kLongestKeyFrame));
}

void plan_bursts(std::span<const std::size_t> packet_bytes, Nanoseconds budget,
                 const PacingSettings& settings, std::vector<Burst>& bursts) {
  bursts.clear();
  if (packet_bytes.empty()) return;
  const std::size_t total =
      std::accumulate(packet_bytes.begin(), packet_bytes.end(), std::size_t{0});

  const std::size_t wanted = (total + settings.burst_bytes - 1) / settings.burst_bytes;
  const auto room = static_cast<std::size_t>(
      std::max<std::int64_t>(1, budget / std::max(settings.min_gap, Nanoseconds{1})));
  const std::size_t count = std::clamp<std::size_t>(wanted, 1, room);
  const Nanoseconds gap = std::min(settings.gap, budget / static_cast<std::int64_t>(count));

  // Burst i ends with the packet that reaches its share of all bytes; a packet larger than a share
  // may take several shares, and then the next burst keeps its own time.
  std::size_t first = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count && first < packet_bytes.size(); ++i) {
    const std::size_t share_end = total * (i + 1) / count;
    std::size_t next = first;
    while (next < packet_bytes.size() && bytes < share_end) bytes += packet_bytes[next++];
    if (next == first) continue;
    bursts.push_back({first, next - first, gap * static_cast<std::int64_t>(i)});
    first = next;
  }
}

void Pacer::begin(FrameRate rate, Picture picture) {
  picture_ = picture;
  left_ = pacing_budget(rate);
}

std::span<const Burst> Pacer::plan(std::span<const std::size_t> packet_bytes,
                                   std::uint64_t bandwidth_bps) {
  PacingSettings settings = settings_;
  Nanoseconds budget = left_;
  if (picture_ == Picture::kKey) {
    const std::size_t bytes =
        std::accumulate(packet_bytes.begin(), packet_bytes.end(), std::size_t{0});
    if (const Nanoseconds demanded = key_frame_time(bytes, bandwidth_bps); demanded > budget) {
      budget = demanded;
      settings.gap = demanded;  // however long it comes to be
    }
  }
  plan_bursts(packet_bytes, budget, settings, bursts_);
  if (!bursts_.empty()) left_ = std::max(Nanoseconds{0}, left_ - bursts_.back().at);
  return bursts_;
}

}  // namespace lumen::rtp
