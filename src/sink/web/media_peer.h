// One browser or media server at the other end of a WebRTC connection, as the rest of lumen sees
// it: ready-made RTP packets go out; requests and the connection's state come in. Whatever
// implements it does ICE, DTLS, SRTP and RTCP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "sink/rtp/bandwidth_estimator.h"
#include "sink/web/answer.h"
#include "sink/web/offer.h"

namespace lumen::web {

/// Called on threads of the peer's own, which may be the one that receives: they must not wait, nor
/// close the peer. None comes after close().
struct PeerEvents {
  std::function<void()> connected;  // media may be sent; the other side is who signed the offer
  std::function<void()> failed;     // ICE or DTLS gave up, or the other side said good-bye
  std::function<void()> heard;      // some RTCP: it is alive
  std::function<void()> key_frame_wanted;                    // PLI, FIR
  std::function<void(std::span<const std::uint16_t>)> lost;  // NACK: sequence numbers
  /// What became of packets, in the order of sending; only with VideoFormat::transport_cc.
  std::function<void(std::span<const rtp::PacketReport>)> reported;
  /// What reports say besides: the share of packets lost since the last one (0 to 1), and the most
  /// that the receiver takes, in bits per second (REMB). Either may be absent.
  std::function<void(std::optional<double> loss, std::optional<std::uint64_t> most_bps)> told;
};

/// Helps to find a way through address translation (STUN, RFC 8489) or relays (TURN, RFC 8656).
struct IceServer {
  std::string url;  // "stun:HOST[:PORT]", "turn:HOST[:PORT][?transport=udp]", "turns:…"; RFC 7064
  std::string username;
  std::string credential;

  friend bool operator==(const IceServer&, const IceServer&) = default;
};

struct PeerSettings {
  /// Where to be reached; empty: every address of this machine but the loopback ones.
  std::vector<std::string> local_addresses;
  std::vector<IceServer> ice_servers;
  StreamIds ids;
  PeerEvents events;
};

class MediaPeer {
 public:
  virtual ~MediaPeer() = default;  // closes

  /// Once. Begins to listen and says how it is reached. Waits for the addresses to be gathered,
  /// five seconds at most. kIo: none could be had.
  virtual Result<Transport> negotiate(const Offer& offer) = 0;

  /// The other way round, instead of negotiate(): begins to listen, and says how it is reached and
  /// what is to be offered. Then accept(), once, with what the other side answers. lumen is the
  /// controlling agent (RFC 8445 section 6.1.1). Waits and errors as above.
  virtual Result<Transport> offer(const Offer& ours) = 0;
  virtual Result<void> accept(const Offer& answer) = 0;

  /// A whole RTP packet, with the offer's payload type and one of the SSRCs, and when what is in it
  /// was seen: sender reports relate that to the RTP timestamp. Before `connected` and after
  /// close() it goes nowhere. Any thread.
  virtual void send(std::span<const std::uint8_t> packet, Timestamp seen) = 0;
  /// The same for sound; only with Offer::audio.
  virtual void send_audio(std::span<const std::uint8_t> packet, Timestamp heard) = 0;

  /// Ends the connection; waits for events under way. Any thread but the events'. Idempotent.
  virtual void close() = 0;
};

using PeerFactory = std::function<Result<std::unique_ptr<MediaPeer>>(PeerSettings)>;

}  // namespace lumen::web
