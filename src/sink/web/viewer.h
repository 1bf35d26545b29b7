// One viewer: its connection, its own numbering of the packets that all viewers share, and what it
// asks for. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "sink/rtp/nal.h"
#include "sink/rtp/retransmission.h"
#include "sink/web/media_peer.h"
#include "sink/web/playout_delay.h"
#include "sink/web/rtp_packet.h"

namespace lumen::web {

/// How long a viewer may be silent before it counts as gone.
struct Patience {
  Nanoseconds connecting = std::chrono::seconds{10};
  /// Browsers report reception about once a second (RFC 4585 section 3 lets them more often).
  Nanoseconds silent = std::chrono::seconds{6};
};

struct ViewerCounts {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t repeated = 0;  // of the packets: sent again
};

class Viewer {
 public:
  /// Called on the peer's threads; they must not wait.
  struct Callbacks {
    std::function<void()> key_frame_wanted;
    std::function<void()> connected;
    std::function<void()> attention;  // serve() has something to do
    std::function<void()> bandwidth_changed;
  };

  /// Answers the offer; answer() is for the browser. Waits as MediaPeer::negotiate() does.
  static Result<std::shared_ptr<Viewer>> create(std::string id, const Offer& offer,
                                                std::vector<std::string> local_addresses,
                                                const PeerFactory& make_peer, Callbacks callbacks);

  /// The other way round: brings our offer, as it is meant and as it is written, to somebody, and
  /// their answer back.
  using Exchange = std::function<Result<Offer>(const Offer& ours, const std::string& written)>;
  static Result<std::shared_ptr<Viewer>> invite(std::string id, OfferedSound sound,
                                                std::vector<std::string> local_addresses,
                                                std::vector<IceServer> ice_servers,
                                                const PeerFactory& make_peer,
                                                const Exchange& exchange, Callbacks callbacks);
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;
  ~Viewer() { close(); }

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::string& answer() const { return answer_; }
  /// What was agreed on, as describe(Offer) says it.
  [[nodiscard]] const std::string& agreement() const { return agreement_; }

  /// Packets of one access unit, or of a part of it, as the packetizer made them. A viewer's first
  /// are those of a key frame; what comes before goes nowhere.
  void send(std::span<const rtp::Bytes> packets, Timestamp seen, bool key);
  /// A packet of sound, for viewers that have got their first picture and offered to hear it.
  void send_audio(rtp::Bytes packet, Timestamp heard);
  /// Whether somebody hears the sound. Only then may the browser hold pictures back for it: sound
  /// waits in its jitter buffer.
  void listens(bool yes) { listens_ = yes; }

  /// Sends again what was asked for. One thread.
  void serve(Timestamp now);

  /// True where it has left, never came, or has been silent for too long.
  [[nodiscard]] bool gone(Timestamp now, const Patience& patience) const;
  [[nodiscard]] bool watching() const { return watching_; }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] ViewerCounts counts() const;
  /// What the way to this viewer carries, in bits per second; none: not known.
  [[nodiscard]] std::optional<std::uint64_t> bandwidth() const;
  /// Waits for calls under way. Idempotent.
  void close();

 private:
  Viewer(std::string id, StreamIds ids, std::uint16_t first_sequence, Callbacks callbacks);
  static std::shared_ptr<Viewer> make(std::string id, Callbacks callbacks);
  void use(const Offer& agreed);
  [[nodiscard]] PeerEvents events();
  void on_lost(std::span<const std::uint16_t> sequences);
  void on_reported(std::span<const rtp::PacketReport> reports);
  void on_told(std::optional<double> loss, std::optional<std::uint64_t> most_bps);
  double sent_since_last_report(Timestamp instant);

  const std::string id_;
  const StreamIds ids_;
  // Agreed on before connected_ is set; delay and capture time change, under `sending_`.
  PacketIdentity identity_;
  std::optional<PacketIdentity> audio_identity_;
  std::optional<std::uint8_t> rtx_payload_type_;
  const Callbacks callbacks_;
  std::atomic<Timestamp> agreed_{now()};
  std::string answer_;
  std::string agreement_;

  std::mutex sending_;  // the sink's thread and serve()
  std::uint16_t sequence_;
  std::uint16_t rtx_sequence_;
  std::uint16_t audio_sequence_;
  rtp::RetransmissionHistory history_;
  std::vector<std::uint8_t> packet_;

  std::mutex lost_mutex_;
  std::vector<std::uint16_t> lost_;

  mutable std::mutex estimate_mutex_;
  rtp::BandwidthEstimator estimator_;
  bool reports_arrivals_ = false;  // packet by packet: better than shares of loss
  Timestamp last_told_ = kNoTimestamp;
  std::uint64_t bytes_then_ = 0;  // that had been sent
  PlayoutDelay delay_;
  std::atomic<unsigned> playout_delay_{0};

  std::atomic<bool> listens_{false};
  std::atomic<bool> connected_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> watching_{false};  // has got its first key frame
  std::atomic<Timestamp> heard_{kNoTimestamp};
  std::atomic<Timestamp> first_sent_{kNoTimestamp};
  std::atomic<std::uint64_t> packets_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> repeated_{0};

  std::unique_ptr<MediaPeer> peer_;  // last: its events use the rest
};

}  // namespace lumen::web
