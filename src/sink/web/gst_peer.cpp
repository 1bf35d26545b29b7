#include "sink/web/gst_peer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gst/sdp/sdp.h>

#include "core/log.h"
#include "sink/rtp/encoding_name.h"
#include "sink/rtp/header_extensions.h"
#include "sink/rtp/rtcp.h"
#include "sink/rtp/rtcp_feedback.h"
#include "sink/rtp/rtcp_parser.h"
#include "sink/web/fingerprint.h"
#include "sink/web/gst_handles.h"

namespace lumen::web {
namespace {

constexpr std::chrono::seconds kGatherLimit{5};

// RTCP feedback, RFC 4585 section 6.1 and RFC 5104 section 4.
constexpr guint kTransportFeedback = 205;
constexpr guint kPayloadFeedback = 206;
constexpr guint kGenericNack = 1;
constexpr guint kPictureLoss = 1;
constexpr guint kFullIntraRequest = 4;

tl::unexpected<Error> broken(std::string what) {
  return fail(ErrorKind::kIo, "WebRTC: " + std::move(what), "LUMEN_DEBUG=web says more");
}

/// Every message of the bus ends here: nobody else reads it.
GstBusSyncReply drop_message(GstBus*, GstMessage* message, gpointer) {
  gst_message_unref(message);
  return GST_BUS_DROP;
}

CapsRef stream_caps(const Offer& offer, const StreamIds& ids) {
  const VideoFormat& format = offer.format;
  CapsRef caps(gst_caps_new_simple(
      "application/x-rtp", "media", G_TYPE_STRING, "video", "encoding-name", G_TYPE_STRING,
      std::string(rtp::encoding_name(format.codec)).c_str(), "clock-rate", G_TYPE_INT, 90000,
      "payload", G_TYPE_INT, static_cast<int>(format.payload_type), "ssrc", G_TYPE_UINT, ids.ssrc,
      "rtcp-fb-nack-pli", G_TYPE_BOOLEAN, TRUE, "rtcp-fb-ccm-fir", G_TYPE_BOOLEAN, TRUE, nullptr));
  for (std::string_view rest = format.parameters; !rest.empty();) {
    const std::string_view parameter = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), parameter.size() + 1));
    const auto equals = parameter.find('=');
    gst_caps_set_simple(caps.get(), std::string(parameter.substr(0, equals)).c_str(), G_TYPE_STRING,
                        std::string(parameter.substr(equals + 1)).c_str(), nullptr);
  }
  if (format.rtx_payload_type) {
    gst_caps_set_simple(caps.get(), "rtcp-fb-nack", G_TYPE_BOOLEAN, TRUE, nullptr);
  }
  if (format.transport_cc) {
    gst_caps_set_simple(caps.get(), "rtcp-fb-transport-cc", G_TYPE_BOOLEAN, TRUE, nullptr);
  }
  const auto add_extension = [&](unsigned id, std::string_view uri) {
    if (id == 0) return;
    gst_caps_set_simple(caps.get(), fmt::format("extmap-{}", id).c_str(), G_TYPE_STRING,
                        std::string(uri).c_str(), nullptr);
  };
  add_extension(offer.extensions.playout_delay, kPlayoutDelayUri);
  add_extension(offer.extensions.transport_cc, kTransportCcUri);
  add_extension(offer.extensions.abs_capture_time, rtp::kAbsCaptureTimeUri);
  return caps;
}

CapsRef audio_caps(const OfferedAudio& audio, const StreamIds& ids) {
  return CapsRef(gst_caps_new_simple(
      "application/x-rtp", "media", G_TYPE_STRING, "audio", "encoding-name", G_TYPE_STRING, "OPUS",
      "clock-rate", G_TYPE_INT, 48000, "encoding-params", G_TYPE_STRING, "2", "payload", G_TYPE_INT,
      static_cast<int>(audio.payload_type), "ssrc", G_TYPE_UINT, ids.audio_ssrc, nullptr));
}

/// The RTP session's event about packets that transport-wide feedback told of: the times at which
/// they were sent, by CLOCK_MONOTONIC, and came, by the receiver's clock (GStreamer 1.22,
/// rtptwcc.c). Empty for other events.
std::vector<rtp::PacketReport> packet_reports(GstEvent* event) {
  std::vector<rtp::PacketReport> reports;
  const GstStructure* const structure = gst_event_get_structure(event);
  if (structure == nullptr || !gst_structure_has_name(structure, "RTPTWCCPackets")) return reports;
  const GValue* const value = gst_structure_get_value(structure, "packets");
  // Its type by name, since GLib has deprecated the macro.
  if (value == nullptr || std::string_view(G_VALUE_TYPE_NAME(value)) != "GValueArray") {
    return reports;
  }
  const auto* const packets = static_cast<const GValueArray*>(g_value_get_boxed(value));
  for (guint i = 0; i < packets->n_values; ++i) {
    const GstStructure* const packet = gst_value_get_structure(&packets->values[i]);
    guint64 sent = GST_CLOCK_TIME_NONE;
    guint64 arrived = GST_CLOCK_TIME_NONE;
    guint bytes = 0;
    gboolean lost = TRUE;
    if (gst_structure_get(packet, "local-ts", G_TYPE_UINT64, &sent, "remote-ts", G_TYPE_UINT64,
                          &arrived, "size", G_TYPE_UINT, &bytes, "lost", G_TYPE_BOOLEAN, &lost,
                          nullptr) == FALSE ||
        sent == GST_CLOCK_TIME_NONE) {
      continue;
    }
    rtp::PacketReport& report = reports.emplace_back();
    report.sent = Timestamp(Nanoseconds(static_cast<std::int64_t>(sent)));
    report.bytes = bytes;
    if (lost == FALSE && arrived != GST_CLOCK_TIME_NONE) {
      report.arrived = Nanoseconds(static_cast<std::int64_t>(arrived));
    }
  }
  return reports;
}

/// Sequence numbers in a generic NACK's control information (RFC 4585 section 6.2.1).
std::vector<std::uint16_t> lost_packets(GstBuffer* fci) {
  std::vector<std::uint16_t> lost;
  GstMapInfo map;
  if (fci == nullptr || gst_buffer_map(fci, &map, GST_MAP_READ) == FALSE) return lost;
  for (gsize at = 0; at + 4 <= map.size; at += 4) {
    const std::uint16_t first = GST_READ_UINT16_BE(map.data + at);
    const unsigned mask = GST_READ_UINT16_BE(map.data + at + 2);
    lost.push_back(first);
    for (unsigned bit = 0; bit < 16; ++bit) {
      if ((mask >> bit & 1U) != 0) lost.push_back(static_cast<std::uint16_t>(first + bit + 1));
    }
  }
  gst_buffer_unmap(fci, &map);
  return lost;
}

class GstPeer final : public MediaPeer {
 public:
  explicit GstPeer(PeerSettings settings) : settings_(std::move(settings)) {}
  GstPeer(const GstPeer&) = delete;
  GstPeer& operator=(const GstPeer&) = delete;
  ~GstPeer() override { close(); }

  Result<void> build();
  Result<Transport> negotiate(const Offer& offer) override;
  Result<Transport> offer(const Offer& ours) override;
  Result<void> accept(const Offer& answer) override;
  void send(std::span<const std::uint8_t> packet, Timestamp seen) override {
    push(pad_.get(), packet, seen);
  }
  void send_audio(std::span<const std::uint8_t> packet, Timestamp heard) override {
    push(audio_pad_.get(), packet, heard);
  }
  void close() override;

 private:
  Result<void> add_streams(const Offer& offer);
  /// Links a pad of ours to webrtcbin's next one, and sends what a stream begins with.
  Result<void> begin_stream(const char* name, GstCaps* caps, GstRef<GstPad>& pad,
                            GlibRef<GstWebRTCRTPTransceiver>& transceiver);
  void push(GstPad* pad, std::span<const std::uint8_t> packet, Timestamp time);
  Result<void> describe(const Offer& offer);
  Result<void> set_remote(GstWebRTCSDPType type, const std::string& text);
  Result<void> make_local(const char* signal, const char* field);
  Result<Transport> own_transport();
  Result<void> add_ice_servers();
  Result<void> wait_for_addresses();
  void listen_to_rtcp();
  void on_rtcp(GstBuffer* datagram);
  /// True where something was added to what is about to be sent.
  bool add_to_rtcp(GstBuffer* datagram);
  void on_connection_state();
  [[nodiscard]] bool is_who_offered();
  Result<void> call(const char* signal, GstWebRTCSessionDescription* description);

  const PeerSettings settings_;
  std::string fingerprint_;  // the other side's
  StreamMids mids_;          // what webrtcbin calls the media that it offers
  GstRef<GstElement> pipeline_;
  GstElement* webrtc_ = nullptr;  // the pipeline's
  GstRef<GstPad> pad_;            // ours, towards webrtcbin
  GstRef<GstPad> audio_pad_;      // likewise; none without sound
  GlibRef<GstWebRTCRTPTransceiver> transceiver_;
  GlibRef<GObject> rtp_session_;

  std::mutex send_mutex_;
  std::atomic<bool> connected_{false};

  struct RoundTripRequest {
    rtp::ReferenceTime reference;
    Timestamp came;
  };
  std::mutex round_trip_mutex_;
  std::optional<RoundTripRequest> round_trip_request_;

  std::mutex gather_mutex_;
  std::condition_variable gathered_;
  std::once_flag closed_;
};

Result<void> GstPeer::build() {
  // Floating references: the pipeline is sunk here, the rest by the pipeline.
  pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  GstElement* const webrtc = gst_element_factory_make("webrtcbin", nullptr);
  if (webrtc == nullptr) return broken("there is no webrtcbin");
  gst_bin_add(GST_BIN(pipeline_.get()), webrtc);
  webrtc_ = webrtc;
  const GstRef<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), drop_message, nullptr, nullptr);
  g_object_set(webrtc_, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency", 0U,
               nullptr);

  // Sender reports by the buffers' times, not by when they were sent: sound and picture take
  // differently long to get here.
  const GstRef<GstElement> rtpbin(gst_bin_get_by_name(GST_BIN(webrtc_), "rtpbin"));
  g_object_set(rtpbin.get(), "rtcp-sync-send-time", FALSE, nullptr);

  const auto ice = object_property<GObject>(webrtc_, "ice-agent");
  g_object_set(ice.get(), "ice-tcp", FALSE, nullptr);
  // libnice would ask the network for a router to open ports on, and wait 200 ms for an answer.
  if (const auto nice = object_property<GObject>(ice.get(), "agent")) {
    g_object_set(nice.get(), "upnp", FALSE, nullptr);
  }
  for (const std::string& address : settings_.local_addresses) {
    gboolean added = FALSE;
    g_signal_emit_by_name(ice.get(), "add-local-ip-address", address.c_str(), &added);
    if (added == FALSE) return broken("ICE can't listen at " + address);
  }
  g_signal_connect(webrtc_, "notify::ice-gathering-state",
                   G_CALLBACK(+[](GstElement*, GParamSpec*, GstPeer* self) {
                     const std::scoped_lock lock(self->gather_mutex_);
                     self->gathered_.notify_all();
                   }),
                   this);
  g_signal_connect(
      webrtc_, "notify::connection-state",
      G_CALLBACK(+[](GstElement*, GParamSpec*, GstPeer* self) { self->on_connection_state(); }),
      this);
  return {};
}

Result<Transport> GstPeer::negotiate(const Offer& offer) {
  fingerprint_ = offer.transport.fingerprint;
  if (auto added = add_streams(offer); !added) return tl::unexpected(std::move(added.error()));
  if (auto done = describe(offer); !done) return tl::unexpected(std::move(done.error()));
  return own_transport();
}

Result<Transport> GstPeer::offer(const Offer& ours) {
  if (auto added = add_ice_servers(); !added) return tl::unexpected(std::move(added.error()));
  if (auto added = add_streams(ours); !added) return tl::unexpected(std::move(added.error()));
  if (auto made = make_local("create-offer", "offer"); !made) {
    return tl::unexpected(std::move(made.error()));
  }
  return own_transport();
}

Result<void> GstPeer::accept(const Offer& answer) {
  fingerprint_ = answer.transport.fingerprint;
  if (auto set = set_remote(GST_WEBRTC_SDP_TYPE_ANSWER, compose_receiver(answer, mids_)); !set) {
    return set;
  }
  listen_to_rtcp();
  return {};
}

Result<void> GstPeer::add_ice_servers() {
  for (const IceServer& server : settings_.ice_servers) {
    const auto colon = server.url.find(':');
    if (colon == std::string::npos) continue;
    const std::string scheme = server.url.substr(0, colon);
    const std::string place = server.url.substr(colon + 1);
    if (scheme == "stun") {
      g_object_set(webrtc_, "stun-server", fmt::format("stun://{}", place).c_str(), nullptr);
    } else if (scheme == "turn" || scheme == "turns") {
      const auto escaped = [](const std::string& text) {
        return GlibText(g_uri_escape_string(text.c_str(), nullptr, FALSE));
      };
      const std::string uri = fmt::format("{}://{}:{}@{}", scheme, escaped(server.username).get(),
                                          escaped(server.credential).get(), place);
      gboolean added = FALSE;
      g_signal_emit_by_name(webrtc_, "add-turn-server", uri.c_str(), &added);
      if (added == FALSE) return broken(fmt::format("there is no relay at {}", place));
    }
  }
  return {};
}

Result<Transport> GstPeer::own_transport() {
  if (auto done = wait_for_addresses(); !done) return tl::unexpected(std::move(done.error()));
  GstWebRTCSessionDescription* local = nullptr;
  g_object_get(webrtc_, "local-description", &local, nullptr);
  const DescriptionRef description(local);
  if (!description) return broken("there is no local description");
  const GlibText text(gst_sdp_message_as_text(description->sdp));
  log::area("web").debug("webrtcbin says\n{}", text.get());
  const auto mid_at = [&](guint index) -> std::string {
    if (index >= gst_sdp_message_medias_len(description->sdp)) return {};
    const GstSDPMedia* const media = gst_sdp_message_get_media(description->sdp, index);
    const char* const mid = gst_sdp_media_get_attribute_val(media, "mid");
    return mid == nullptr ? "" : mid;
  };
  mids_ = {.video = mid_at(0), .audio = mid_at(1)};
  auto transport = parse_transport(text.get());
  if (!transport) return transport;
  // What webrtcbin leaves behind when no port could be bound.
  if (transport->candidates.empty()) {
    return fail(ErrorKind::kIo, "WebRTC: no UDP port could be opened",
                "check that the network is up and that ports are free");
  }
  return transport;
}

Result<void> GstPeer::add_streams(const Offer& offer) {
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    return broken("webrtcbin doesn't start");
  }
  const CapsRef video = stream_caps(offer, settings_.ids);
  if (auto begun = begin_stream("video", video.get(), pad_, transceiver_); !begun) return begun;
  if (!offer.audio) return {};
  const CapsRef audio = audio_caps(*offer.audio, settings_.ids);
  GlibRef<GstWebRTCRTPTransceiver> transceiver;
  return begin_stream("audio", audio.get(), audio_pad_, transceiver);
}

Result<void> GstPeer::begin_stream(const char* name, GstCaps* caps, GstRef<GstPad>& pad,
                                   GlibRef<GstWebRTCRTPTransceiver>& transceiver) {
  GstPadTemplate* const pads = gst_element_get_pad_template(webrtc_, "sink_%u");
  const GstRef<GstPad> sink(gst_element_request_pad(webrtc_, pads, nullptr, caps));
  if (!sink) return broken("webrtcbin takes no stream");
  transceiver = object_property<GstWebRTCRTPTransceiver>(sink.get(), "transceiver");
  g_object_set(transceiver.get(), "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
               "codec-preferences", caps, "do-nack", FALSE, nullptr);

  pad.reset(GST_PAD(gst_object_ref_sink(gst_pad_new(name, GST_PAD_SRC))));
  // Key-frame requests arrive here too; they are taken from the RTCP itself.
  gst_pad_set_element_private(pad.get(), this);
  gst_pad_set_event_function(pad.get(), [](GstPad* from, GstObject*, GstEvent* event) -> gboolean {
    const auto* const self = static_cast<GstPeer*>(gst_pad_get_element_private(from));
    const auto reports = packet_reports(event);
    if (!reports.empty()) self->settings_.events.reported(reports);
    gst_event_unref(event);
    return TRUE;
  });
  gst_pad_set_active(pad.get(), TRUE);
  if (gst_pad_link(pad.get(), sink.get()) != GST_PAD_LINK_OK) {
    return broken("webrtcbin can't be linked");
  }
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(pad.get(), gst_event_new_stream_start(name));
  gst_pad_push_event(pad.get(), gst_event_new_caps(caps));
  gst_pad_push_event(pad.get(), gst_event_new_segment(&segment));
  return {};
}

/// Calls an action of webrtcbin's that takes a description and gives nothing back.
Result<void> GstPeer::call(const char* signal, GstWebRTCSessionDescription* description) {
  const PromiseRef promise(gst_promise_new());
  g_signal_emit_by_name(webrtc_, signal, description, promise.get());
  const bool replied = gst_promise_wait(promise.get()) == GST_PROMISE_RESULT_REPLIED;
  const GstStructure* const reply = replied ? gst_promise_get_reply(promise.get()) : nullptr;
  if (!replied || (reply != nullptr && gst_structure_has_field(reply, "error"))) {
    return broken(fmt::format("{} was refused", signal));
  }
  return {};
}

Result<void> GstPeer::describe(const Offer& offer) {
  const std::string text = compose_receiver(offer, mids_of(offer));
  if (auto set = set_remote(GST_WEBRTC_SDP_TYPE_OFFER, text); !set) return set;
  if (auto made = make_local("create-answer", "answer"); !made) return made;
  listen_to_rtcp();
  return {};
}

Result<void> GstPeer::set_remote(GstWebRTCSDPType type, const std::string& text) {
  GstSDPMessage* message = nullptr;
  if (gst_sdp_message_new_from_text(text.c_str(), &message) != GST_SDP_OK) {
    return broken("the other side's description can't be parsed");
  }
  const DescriptionRef remote(gst_webrtc_session_description_new(type, message));
  return call("set-remote-description", remote.get());
}

Result<void> GstPeer::make_local(const char* signal, const char* field) {
  const PromiseRef promise(gst_promise_new());
  g_signal_emit_by_name(webrtc_, signal, nullptr, promise.get());
  if (gst_promise_wait(promise.get()) != GST_PROMISE_RESULT_REPLIED) {
    return broken(fmt::format("{} was not answered", signal));
  }
  const GstStructure* const reply = gst_promise_get_reply(promise.get());
  GstWebRTCSessionDescription* made = nullptr;
  if (reply == nullptr || gst_structure_get(reply, field, GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                                            &made, nullptr) == FALSE) {
    return broken(fmt::format("{} made nothing", signal));
  }
  const DescriptionRef description(made);
  return call("set-local-description", description.get());
}

Result<void> GstPeer::wait_for_addresses() {
  const auto complete = [this] {
    GstWebRTCICEGatheringState state{};
    g_object_get(webrtc_, "ice-gathering-state", &state, nullptr);
    return state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE;
  };
  std::unique_lock lock(gather_mutex_);
  if (!gathered_.wait_for(lock, kGatherLimit, complete)) {
    return broken("this machine's addresses could not be found in time");
  }
  return {};
}

void GstPeer::listen_to_rtcp() {
  const GstRef<GstElement> rtpbin(gst_bin_get_by_name(GST_BIN(webrtc_), "rtpbin"));
  GObject* session = nullptr;
  g_signal_emit_by_name(rtpbin.get(), "get-internal-session", 0U, &session);
  rtp_session_.reset(session);
  if (session == nullptr) return;
  g_object_set(session, "rtcp-min-interval",
               static_cast<guint64>(Nanoseconds(rtp::kSenderReportInterval).count()), nullptr);
  g_signal_connect(
      session, "on-receiving-rtcp",
      G_CALLBACK(+[](GObject*, GstBuffer* datagram, GstPeer* self) { self->on_rtcp(datagram); }),
      this);
  g_signal_connect(
      session, "on-sending-rtcp",
      G_CALLBACK(+[](GObject*, GstBuffer* datagram, gboolean, GstPeer* self) -> gboolean {
        return self->add_to_rtcp(datagram) ? TRUE : FALSE;
      }),
      this);
  g_signal_connect(
      session, "on-feedback-rtcp",
      G_CALLBACK(+[](GObject*, guint type, guint format, guint, guint, GstBuffer* fci,
                     GstPeer* self) {
        const PeerEvents& events = self->settings_.events;
        if (type == kPayloadFeedback && (format == kPictureLoss || format == kFullIntraRequest)) {
          events.key_frame_wanted();
        } else if (type == kTransportFeedback && format == kGenericNack) {
          events.lost(lost_packets(fci));
        }
      }),
      this);
}

// GStreamer answers all reports but extended ones (1.22, rtpsession.c).
void GstPeer::on_rtcp(GstBuffer* datagram) {
  settings_.events.heard();
  GstMapInfo map;
  if (gst_buffer_map(datagram, &map, GST_MAP_READ) == FALSE) return;
  const auto items = rtp::parse_rtcp({map.data, map.size});
  gst_buffer_unmap(datagram, &map);
  if (!items) return;
  const auto wall = std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
  const auto feedback = rtp::collect_feedback(*items, settings_.ids.ssrc, rtp::ntp_time(wall));
  if (feedback.loss || feedback.most_bps) settings_.events.told(feedback.loss, feedback.most_bps);
  for (const rtp::RtcpItem& item : *items) {
    const auto* const reference = std::get_if<rtp::ReferenceTime>(&item);
    if (reference == nullptr) continue;
    const std::scoped_lock lock(round_trip_mutex_);
    round_trip_request_ = {*reference, now()};
  }
}

bool GstPeer::add_to_rtcp(GstBuffer* datagram) {
  std::optional<RoundTripRequest> request;
  {
    const std::scoped_lock lock(round_trip_mutex_);
    request = std::exchange(round_trip_request_, std::nullopt);
  }
  if (!request) return false;
  const auto reply = rtp::make_round_trip_reply(settings_.ids.ssrc, request->reference.reporter,
                                                request->reference.time, now() - request->came);
  GstBuffer* const added = gst_buffer_new_memdup(reply.data(), reply.size());
  gst_buffer_append(datagram, added);
  return true;
}

// webrtcbin accepts any certificate: whether it is the one that the offer announced (RFC 8827
// section 6.5) is checked here, before a packet is sent.
bool GstPeer::is_who_offered() {
  const auto sender = object_property<GObject>(transceiver_.get(), "sender");
  if (!sender) return false;
  const auto dtls = object_property<GObject>(sender.get(), "transport");
  if (!dtls) return false;
  char* pem = nullptr;
  g_object_get(dtls.get(), "remote-certificate", &pem, nullptr);
  const GlibText certificate(pem);
  return certificate && same_fingerprint(fingerprint_of(certificate.get()), fingerprint_);
}

void GstPeer::on_connection_state() {
  GstWebRTCPeerConnectionState state{};
  g_object_get(webrtc_, "connection-state", &state, nullptr);
  log::area("web").debug("connection state {}", static_cast<int>(state));
  switch (state) {
    case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED:
      if (connected_) return;
      if (!is_who_offered()) {
        log::area("web").warn("a viewer's certificate is not the one that its offer announced");
        settings_.events.failed();
        return;
      }
      connected_ = true;
      settings_.events.connected();
      return;
    case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
    case GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED: settings_.events.failed(); return;
    default: return;
  }
}

void GstPeer::push(GstPad* pad, std::span<const std::uint8_t> packet, Timestamp time) {
  if (!connected_ || pad == nullptr) return;
  const std::scoped_lock lock(send_mutex_);
  GstBuffer* const buffer = gst_buffer_new_memdup(packet.data(), packet.size());
  const auto running = static_cast<std::int64_t>(gst_element_get_current_running_time(webrtc_));
  const std::int64_t age = (now() - time).count();
  GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(std::max<std::int64_t>(running - age, 0));
  (void)gst_pad_push(pad, buffer);
}

void GstPeer::close() {
  std::call_once(closed_, [this] {
    connected_ = false;
    if (!pipeline_) return;
    // Joins every thread that calls back, and unblocks a push under way.
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    const std::scoped_lock lock(send_mutex_);
    if (rtp_session_) g_signal_handlers_disconnect_by_data(rtp_session_.get(), this);
    if (webrtc_ != nullptr) g_signal_handlers_disconnect_by_data(webrtc_, this);
    for (GstPad* const pad : {pad_.get(), audio_pad_.get()}) {
      if (pad != nullptr) gst_pad_set_active(pad, FALSE);
    }
  });
}

}  // namespace

Result<void> prepare_gst_peers() {
  GError* error = nullptr;
  if (gst_init_check(nullptr, nullptr, &error) == FALSE) {
    const GlibError owned(error);
    return fail(ErrorKind::kUnsupported,
                fmt::format("GStreamer doesn't start: {}", owned ? owned->message : "no reason"),
                "reinstall libgstreamer1.0-0");
  }
  struct Need {
    const char* element;
    const char* package;
  };
  static constexpr Need kNeeds[] = {{"webrtcbin", "gstreamer1.0-plugins-bad"},
                                    {"dtlsdec", "gstreamer1.0-plugins-bad"},
                                    {"srtpenc", "gstreamer1.0-plugins-bad"},
                                    {"rtpbin", "gstreamer1.0-plugins-good"},
                                    {"nicesink", "gstreamer1.0-nice"}};
  for (const Need& need : kNeeds) {
    const GstRef<GstElementFactory> factory(gst_element_factory_find(need.element));
    if (factory) continue;
    return fail(ErrorKind::kUnsupported,
                fmt::format("WebRTC needs GStreamer's {}, which is not installed", need.element),
                fmt::format("apt-get install {}", need.package));
  }
  return {};
}

std::future<void> make_dtls_key() {
  return std::async(std::launch::async, [] {
    if (GstElement* const dtls = gst_element_factory_make("dtlsdec", nullptr)) {
      gst_object_unref(gst_object_ref_sink(dtls));
    }
  });
}

Result<std::unique_ptr<MediaPeer>> create_gst_peer(PeerSettings settings) {
  auto peer = std::make_unique<GstPeer>(std::move(settings));
  if (auto built = peer->build(); !built) return tl::unexpected(std::move(built.error()));
  return peer;
}

}  // namespace lumen::web
