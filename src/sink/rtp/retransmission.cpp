#include "sink/rtp/retransmission.h"

#include <algorithm>

#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {

RetransmissionHistory::RetransmissionHistory(const RetransmissionSettings& settings)
    : settings_(settings),
      entries_(settings.packets),
      budget_bytes_(static_cast<double>(settings.burst_bytes)) {}

void RetransmissionHistory::sent(std::span<const std::uint8_t> packet) {
  Entry& entry = entries_[sequence_of(packet) % entries_.size()];
  entry.packet.assign(packet.begin(), packet.end());
  entry.again = kNoTimestamp;
  budget_bytes_ = std::min(budget_bytes_ + static_cast<double>(packet.size()) * settings_.share,
                           static_cast<double>(settings_.burst_bytes));
}

bool RetransmissionHistory::holds(std::uint16_t sequence) const {
  const Entry& entry = entries_[sequence % entries_.size()];
  return !entry.packet.empty() && sequence_of(entry.packet) == sequence;
}

std::span<const std::uint8_t> RetransmissionHistory::take(std::uint16_t sequence, Timestamp now) {
  if (!holds(sequence)) return {};
  Entry& entry = entries_[sequence % entries_.size()];
  const bool under_way = entry.again != kNoTimestamp && now - entry.again < settings_.patience;
  const auto bytes = static_cast<double>(entry.packet.size());
  if (under_way || bytes > budget_bytes_) return {};
  budget_bytes_ -= bytes;
  entry.again = now;
  return entry.packet;
}

}  // namespace lumen::rtp
