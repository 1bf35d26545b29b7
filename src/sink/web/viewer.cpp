#include "sink/web/viewer.h"

#include <algorithm>
#include <random>
#include <utility>

#include "sink/rtp/rtcp.h"
#include "sink/rtp/rtp_packet.h"

namespace lumen::web {
namespace {

// Tens of milliseconds; a browser's jitter buffer for sound holds some 50 ms on a good way.
constexpr unsigned kLongestForSound = 40;

// More can't be missing of what the history holds.
constexpr std::size_t kMaxLost = 1024;

std::optional<PacketIdentity> audio_identity(const Offer& offer, std::uint32_t ssrc) {
  if (!offer.audio) return std::nullopt;
  return PacketIdentity{.payload_type = static_cast<std::uint8_t>(offer.audio->payload_type),
                        .ssrc = ssrc};
}

// As good as no limit: a way that is wider counts as this wide.
constexpr std::uint64_t kWidest = 500'000'000;

}  // namespace

Viewer::Viewer(std::string id, StreamIds ids, std::uint16_t first_sequence, Callbacks callbacks)
    : id_(std::move(id)),
      ids_(std::move(ids)),
      callbacks_(std::move(callbacks)),
      sequence_(first_sequence),
      rtx_sequence_(static_cast<std::uint16_t>(~first_sequence)),
      audio_sequence_(static_cast<std::uint16_t>(first_sequence ^ 0x5555U)),
      estimator_({.highest_bps = kWidest}) {}

std::shared_ptr<Viewer> Viewer::make(std::string id, Callbacks callbacks) {
  std::random_device random;
  StreamIds ids{
      .ssrc = random(), .rtx_ssrc = random(), .audio_ssrc = random(), .cname = rtp::make_cname()};
  if (ids.rtx_ssrc == ids.ssrc) ++ids.rtx_ssrc;
  while (ids.audio_ssrc == ids.ssrc || ids.audio_ssrc == ids.rtx_ssrc) ++ids.audio_ssrc;
  return std::shared_ptr<Viewer>(new Viewer(
      std::move(id), std::move(ids), static_cast<std::uint16_t>(random()), std::move(callbacks)));
}

void Viewer::use(const Offer& agreed) {
  identity_ = {.payload_type = static_cast<std::uint8_t>(agreed.format.payload_type),
               .ssrc = ids_.ssrc,
               .playout_delay_id = agreed.extensions.playout_delay,
               .transport_cc_id = agreed.extensions.transport_cc,
               .capture_time_id = agreed.extensions.abs_capture_time};
  audio_identity_ = audio_identity(agreed, ids_.audio_ssrc);
  rtx_payload_type_ = agreed.format.rtx_payload_type;
  agreement_ = describe(agreed);
  agreed_ = now();
}

Result<std::shared_ptr<Viewer>> Viewer::create(std::string id, const Offer& offer,
                                               std::vector<std::string> local_addresses,
                                               const PeerFactory& make_peer, Callbacks callbacks) {
  auto viewer = make(std::move(id), std::move(callbacks));
  viewer->use(offer);
  auto peer = make_peer({.local_addresses = std::move(local_addresses),
                         .ids = viewer->ids_,
                         .events = viewer->events()});
  if (!peer) return tl::unexpected(std::move(peer.error()));
  viewer->peer_ = std::move(*peer);
  auto transport = viewer->peer_->negotiate(offer);
  if (!transport) return tl::unexpected(std::move(transport.error()));
  viewer->answer_ = compose_answer(offer, *transport, viewer->ids_);
  return viewer;
}

Result<std::shared_ptr<Viewer>> Viewer::invite(std::string id, OfferedSound sound,
                                               std::vector<std::string> local_addresses,
                                               std::vector<IceServer> ice_servers,
                                               const PeerFactory& make_peer,
                                               const Exchange& exchange, Callbacks callbacks) {
  auto viewer = make(std::move(id), std::move(callbacks));
  auto peer = make_peer({.local_addresses = std::move(local_addresses),
                         .ice_servers = std::move(ice_servers),
                         .ids = viewer->ids_,
                         .events = viewer->events()});
  if (!peer) return tl::unexpected(std::move(peer.error()));
  viewer->peer_ = std::move(*peer);
  const Offer ours = make_offer(sound);
  auto transport = viewer->peer_->offer(ours);
  if (!transport) return tl::unexpected(std::move(transport.error()));
  const auto answer = exchange(ours, compose_answer(ours, *transport, viewer->ids_));
  if (!answer) return tl::unexpected(answer.error());
  viewer->use(*answer);
  if (auto accepted = viewer->peer_->accept(*answer); !accepted) {
    return tl::unexpected(std::move(accepted.error()));
  }
  return viewer;
}

// The peer calls none of these once it is closed, and it is closed before the rest goes.
PeerEvents Viewer::events() {
  return {.connected =
              [this] {
                heard_ = now();
                connected_ = true;
                callbacks_.key_frame_wanted();
                callbacks_.connected();
              },
          .failed =
              [this] {
                failed_ = true;
                callbacks_.attention();
              },
          .heard = [this] { heard_ = now(); },
          .key_frame_wanted = [this] { callbacks_.key_frame_wanted(); },
          .lost = [this](std::span<const std::uint16_t> sequences) { on_lost(sequences); },
          .reported = [this](std::span<const rtp::PacketReport> reports) { on_reported(reports); },
          .told = [this](std::optional<double> loss,
                         std::optional<std::uint64_t> most_bps) { on_told(loss, most_bps); }};
}

void Viewer::on_reported(std::span<const rtp::PacketReport> reports) {
  {
    const std::scoped_lock lock(estimate_mutex_);
    reports_arrivals_ = true;
    estimator_.on_packets(now(), reports);
    delay_.on_packets(now(), reports);
    playout_delay_ = delay_.tens_of_milliseconds();
  }
  callbacks_.bandwidth_changed();
}

void Viewer::on_told(std::optional<double> loss, std::optional<std::uint64_t> most_bps) {
  {
    const std::scoped_lock lock(estimate_mutex_);
    const Timestamp instant = now();
    if (most_bps) estimator_.on_remb(instant, *most_bps);
    if (loss && !reports_arrivals_) {
      estimator_.on_loss(instant, *loss, sent_since_last_report(instant));
    }
  }
  callbacks_.bandwidth_changed();
}

// Bits per second; under estimate_mutex_.
double Viewer::sent_since_last_report(Timestamp instant) {
  const std::uint64_t bytes = bytes_;
  const Timestamp then = std::exchange(last_told_, instant);
  const std::uint64_t before = std::exchange(bytes_then_, bytes);
  if (then == kNoTimestamp || instant <= then) return static_cast<double>(kWidest);
  return static_cast<double>(bytes - before) * 8 /
         std::chrono::duration<double>(instant - then).count();
}

std::optional<std::uint64_t> Viewer::bandwidth() const {
  const std::scoped_lock lock(estimate_mutex_);
  return estimator_.bits_per_second(now());
}

void Viewer::on_lost(std::span<const std::uint16_t> sequences) {
  if (!rtx_payload_type_) return;
  {
    const std::scoped_lock lock(lost_mutex_);
    const std::size_t room = kMaxLost - std::min(kMaxLost, lost_.size());
    const auto taken = sequences.first(std::min(sequences.size(), room));
    lost_.insert(lost_.end(), taken.begin(), taken.end());
  }
  callbacks_.attention();
}

void Viewer::send(std::span<const rtp::Bytes> packets, Timestamp seen, bool key) {
  if (!connected_ || packets.empty()) return;
  if (!watching_) {
    if (!key) return;
    first_sent_ = now();
    watching_ = true;
  }
  const std::scoped_lock lock(sending_);
  identity_.playout_delay = playout_delay_;
  identity_.longest_delay = listens_ ? kLongestForSound : 0;
  identity_.capture_time = rtp::ntp_time_at(seen);
  for (const rtp::Bytes shared : packets) {
    identify(shared, identity_, sequence_++, packet_);
    if (rtx_payload_type_) history_.sent(packet_);
    peer_->send(packet_, seen);
    packets_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(packet_.size(), std::memory_order_relaxed);
  }
}

void Viewer::send_audio(rtp::Bytes packet, Timestamp heard) {
  if (!watching_ || !audio_identity_) return;
  const std::scoped_lock lock(sending_);
  identify(packet, *audio_identity_, audio_sequence_++, packet_);
  peer_->send_audio(packet_, heard);
  packets_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(packet_.size(), std::memory_order_relaxed);
}

void Viewer::serve(Timestamp now) {
  std::vector<std::uint16_t> lost;
  {
    const std::scoped_lock lock(lost_mutex_);
    lost.swap(lost_);
  }
  const std::scoped_lock lock(sending_);
  for (const std::uint16_t sequence : lost) {
    const auto sent = history_.take(sequence, now);
    if (sent.empty()) continue;
    rtp::make_retransmission(sent, *rtx_payload_type_, ids_.rtx_ssrc, rtx_sequence_++, packet_);
    peer_->send(packet_, now);
    packets_.fetch_add(1, std::memory_order_relaxed);
    repeated_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(packet_.size(), std::memory_order_relaxed);
  }
}

bool Viewer::gone(Timestamp now, const Patience& patience) const {
  if (failed_) return true;
  if (!connected_) return now - agreed_.load() > patience.connecting;
  // Who gets nothing has nothing to report.
  const Timestamp first = first_sent_;
  return first != kNoTimestamp && now - std::max(first, heard_.load()) > patience.silent;
}

ViewerCounts Viewer::counts() const {
  return {.packets = packets_, .bytes = bytes_, .repeated = repeated_};
}

void Viewer::close() {
  if (peer_) peer_->close();
}

}  // namespace lumen::web
