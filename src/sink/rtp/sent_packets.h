// What was sent to a receiver, for when it asks again (NACK): the packets themselves for a while,
// and for longer which picture each belonged to. Pure; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.h"
#include "sink/rtp/nal.h"
#include "sink/rtp/retransmission.h"

namespace lumen::rtp {

class SentPackets {
 public:
  /// `too_late`: a picture this old is of no use to a receiver any more.
  explicit SentPackets(const RetransmissionSettings& settings,
                       Nanoseconds too_late = std::chrono::seconds{1});

  /// A packet of the picture captured at `pts` went out for the first time.
  void sent(Bytes packet, Timestamp pts);

  struct Answer {
    /// To be sent again now; empty: nothing is, see RetransmissionHistory::take(). Valid until the
    /// next sent().
    Bytes packet;
    /// The picture that the receiver will not get by sending again.
    std::optional<Timestamp> beyond_repair;
  };
  Answer asked_for(std::uint16_t sequence, Timestamp now);

 private:
  struct Picture {
    Timestamp pts = kNoTimestamp;
    std::uint16_t sequence = 0;
  };

  RetransmissionHistory history_;
  Nanoseconds too_late_;
  std::vector<Picture> pictures_;  // by the lower bits of the sequence number
};

}  // namespace lumen::rtp
