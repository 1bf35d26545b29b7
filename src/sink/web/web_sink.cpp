#include "sink/web/web_sink.h"

#include <cerrno>
#include <random>
#include <utility>
#include <vector>

#include "core/log.h"
#include "sink/web/gst_peer.h"
#include "sink/web/invitation.h"

namespace lumen {
namespace {

std::vector<std::string> ice_addresses(const WebSettings& settings) {
  if (settings.address == "0.0.0.0" || settings.address == "::") return {};
  return {settings.address};
}

bool is_taken(const Error& error) { return error.domain == "errno" && error.code == EADDRINUSE; }

}  // namespace

WebSink::WebSink(WebSettings settings, web::WebAccess access, std::optional<rtp::Mirror> mirror)
    : settings_(std::move(settings)),
      access_(std::move(access)),
      audience_({.local_addresses = ice_addresses(settings_), .make_peer = web::create_gst_peer},
                {.key_frame_wanted = [this] { ask_for_key_frame(); },
                 .bandwidth = [this](std::uint64_t rate) { tell_bandwidth(rate); },
                 .changed = [this] { tell_demand(); }}),
      site_({.names = access_.names,
             .token = access_.token,
             .encrypted = access_.identity.has_value(),
             .stream = settings_.stream,
             .choose_quality = [this](std::string_view id) { return choose_quality(id); },
             .control = [this](std::string_view request) { return control(request); }},
            audience_),
      sender_(audience_, std::move(mirror)),
      audio_packetizer_({.first_timestamp = std::random_device{}()}) {}

Result<std::unique_ptr<WebSink>> WebSink::create(WebSettings settings) {
  auto access = web::prepare_access(settings);
  if (!access) return with_context("web", std::move(access.error()));
  if (auto ready = web::prepare_gst_peers(); !ready) return tl::unexpected(ready.error());
  auto mirror = rtp::Mirror::create_if(settings.mirror);
  if (!mirror) return tl::unexpected(mirror.error());
  std::unique_ptr<WebSink> sink(
      new WebSink(std::move(settings), *std::move(access), *std::move(mirror)));
  sink->dtls_key_ = web::make_dtls_key();
  if (auto listening = sink->listen(); !listening) {
    return with_context("web", std::move(listening.error()));
  }
  return sink;
}

WebSink::~WebSink() { (void)close(); }

Result<std::unique_ptr<web::HttpServer>> WebSink::start_server(std::uint16_t port) {
  std::optional<web::TlsKeyPair> tls;
  if (access_.identity) tls = {access_.identity->certificate, access_.identity->key};
  return web::HttpServer::start(
      {.address = settings_.address, .port = port, .tls = std::move(tls)},
      [this](const web::HttpRequest& request) { return site_.respond(request); });
}

Result<void> WebSink::listen() {
  auto server = start_server(settings_.port);
  for (std::uint16_t i = 1; !server && is_taken(server.error()) && i <= settings_.spare_ports;
       ++i) {
    log::area("web").debug("{}", server.error().describe());
    server = start_server(static_cast<std::uint16_t>(settings_.port + i));
  }
  if (!server) return tl::unexpected(std::move(server.error()));
  server_ = std::move(*server);
  url_ = web::page_url(access_, server_->port());
  web::invite(access_, server_->port(), settings_.show_qr);
  return {};
}

void WebSink::connect(SinkRequests requests) {
  const std::scoped_lock lock(requests_mutex_);
  requests_ = std::move(requests);
}

void WebSink::ask_for_key_frame() {
  const std::scoped_lock lock(requests_mutex_);
  if (requests_.key_frame) requests_.key_frame();
}

void WebSink::tell_demand() {
  const std::scoped_lock lock(requests_mutex_);
  if (requests_.demand) requests_.demand();
}

void WebSink::tell_bandwidth(std::uint64_t bits_per_second) {
  const std::scoped_lock lock(requests_mutex_);
  if (requests_.bandwidth) requests_.bandwidth(bits_per_second);
}

bool WebSink::choose_quality(std::string_view id) {
  const std::scoped_lock lock(requests_mutex_);
  return requests_.quality && requests_.quality(id);
}

Result<void> WebSink::control(std::string_view request) {
  const std::scoped_lock lock(requests_mutex_);
  if (requests_.control) return requests_.control(request);
  return fail(ErrorKind::kUnsupported, "this host can't be controlled from its page");
}

void WebSink::show_status(const std::string& json) { site_.set_status(json); }

Result<void> WebSink::open(const StreamParameters& stream) {
  if (stream.codec == settings_.stream.codec) return {};
  return fail(ErrorKind::kInvalidArgument, "the page was made for another codec",
              "leave --codec out, or use --codec h264");
}

Result<void> WebSink::write(const EncodedFrame& frame, FrameTimes& times) {
  sender_.write(frame, times);
  return {};
}

void WebSink::expect_audio(const AudioParameters&) { audience_.expect_audio(); }

Result<void> WebSink::write_audio(const AudioPacket& packet) {
  // Sound that nobody expected when the stream began is for those who come from now on.
  audience_.expect_audio();
  audience_.send_audio(audio_packetizer_.packetize(packet), packet.pts);
  return {};
}

// First nobody comes in any more, then all are let go.
Result<void> WebSink::close() {
  if (server_) server_->stop();
  audience_.close();
  return {};
}

SinkStats WebSink::stats() const {
  const web::ViewerCounts counts = audience_.counts();
  return {.frames = sender_.frames(), .bytes = counts.bytes, .packets = counts.packets};
}

std::string WebSink::describe() const { return "web " + url_; }

}  // namespace lumen
