// Cuts pictures into packets, once for all viewers, and sends them paced. One thread, the sink's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "core/frame_times.h"
#include "encode/encoded_frame.h"
#include "sink/rtp/mirror.h"
#include "sink/rtp/pacer.h"
#include "sink/rtp/packetizer.h"
#include "sink/rtp/rtp_clock.h"
#include "sink/web/audience.h"

namespace lumen::web {

class VideoSender {
 public:
  /// `audience` must outlive it. `mirror`, where there is one, gets what all viewers share.
  explicit VideoSender(Audience& audience, std::optional<rtp::Mirror> mirror = std::nullopt);

  /// An access unit, or a part of one; as Sink::write().
  void write(const EncodedFrame& frame, FrameTimes& times);

  /// Access units so far. Any thread.
  [[nodiscard]] std::uint64_t frames() const { return frames_.load(std::memory_order_relaxed); }

 private:
  void send_paced(std::span<const rtp::Bytes> packets, Timestamp seen, bool start);

  Audience& audience_;
  std::mt19937 random_{std::random_device{}()};
  rtp::Packetizer packetizer_;
  std::optional<rtp::Mirror> mirror_;
  std::optional<rtp::RtpClock> clock_;  // set by the first frame
  std::vector<std::size_t> packet_bytes_;
  rtp::Pacer pacer_;
  std::atomic<std::uint64_t> frames_{0};
};

}  // namespace lumen::web
