#include "sink/rtp/pacer.h"

#include <algorithm>
#include <numeric>

namespace lumen::rtp {

Nanoseconds pacing_budget(FrameRate rate) {
  const FrameRate effective = rate.variable() ? FrameRate{60, 1} : rate;
  return frame_offset(effective, 1) / 4;
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

}  // namespace lumen::rtp
