// Serves a page that plays the stream by WebRTC. One encoding for all viewers.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "sink/rtp/opus_packetizer.h"
#include "sink/sink.h"
#include "sink/web/audience.h"
#include "sink/web/http_server.h"
#include "sink/web/site.h"
#include "sink/web/video_sender.h"
#include "sink/web/web_access.h"
#include "sink/web/web_settings.h"

namespace lumen {

/// The page is there from create() to close(), with or without a stream.
class WebSink final : public Sink {
 public:
  /// Prepares WebRTC, which takes a second when GStreamer is used for the first time, and listens.
  /// kUnsupported: an element of GStreamer's is missing; else as prepare_access().
  static Result<std::unique_ptr<WebSink>> create(WebSettings settings);

  WebSink(const WebSink&) = delete;
  WebSink& operator=(const WebSink&) = delete;
  ~WebSink() override;

  void connect(SinkRequests requests) override;
  void show_status(const std::string& json) override;
  void expect_audio(const AudioParameters& audio) override;
  Result<void> open(const StreamParameters& stream) override;
  [[nodiscard]] bool takes_parts() const override { return true; }
  Result<void> write(const EncodedFrame& frame, FrameTimes& times) override;
  Result<void> write_audio(const AudioPacket& packet) override;
  Result<void> close() override;
  [[nodiscard]] bool needs_periodic_key_frames() const override { return false; }
  [[nodiscard]] bool takes_new_sizes() const override { return true; }
  [[nodiscard]] bool wants_frames() const override { return audience_.wanted(); }
  [[nodiscard]] std::size_t viewers() const override { return audience_.connected(); }
  [[nodiscard]] SinkStats stats() const override;
  [[nodiscard]] std::string describe() const override;

 private:
  WebSink(WebSettings settings, web::WebAccess access, std::optional<rtp::Mirror> mirror);
  Result<std::unique_ptr<web::HttpServer>> start_server(std::uint16_t port);
  Result<void> listen();
  void ask_for_key_frame();
  void tell_demand();
  void tell_bandwidth(std::uint64_t bits_per_second);
  bool choose_quality(std::string_view id);
  Result<void> control(std::string_view request);

  const WebSettings settings_;
  const web::WebAccess access_;
  std::string url_;
  std::mutex requests_mutex_;
  SinkRequests requests_;

  web::Audience audience_;
  web::Site site_;
  web::VideoSender sender_;
  rtp::OpusPacketizer audio_packetizer_;
  std::future<void> dtls_key_;
  std::unique_ptr<web::HttpServer> server_;  // last: its threads use the rest
};

}  // namespace lumen
