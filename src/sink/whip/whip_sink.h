// Publishes the stream to a WHIP endpoint (RFC 9725), and again when the connection is lost.
#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sink/rtp/opus_packetizer.h"
#include "sink/sink.h"
#include "sink/web/audience.h"
#include "sink/web/video_sender.h"
#include "sink/whip/whip_client.h"
#include "sink/whip/whip_settings.h"

namespace lumen {

/// Connects on a thread of its own: the stream never waits for the server. What can't get better,
/// such as a token that is refused, fails the next write(); anything else is told once
/// (SinkRequests::connection) and tried again, after half a second at first and eight at most.
class WhipSink final : public Sink {
 public:
  /// kUnsupported: an element of GStreamer's is missing. kInvalidArgument: no URL.
  static Result<std::unique_ptr<WhipSink>> create(WhipSettings settings);

  WhipSink(const WhipSink&) = delete;
  WhipSink& operator=(const WhipSink&) = delete;
  ~WhipSink() override;

  void connect(SinkRequests requests) override;
  void expect_audio(const AudioParameters& audio) override;
  Result<void> open(const StreamParameters& stream) override;
  [[nodiscard]] bool takes_parts() const override { return true; }
  Result<void> write(const EncodedFrame& frame, FrameTimes& times) override;
  Result<void> write_audio(const AudioPacket& packet) override;
  Result<void> close() override;
  [[nodiscard]] bool needs_periodic_key_frames() const override { return false; }
  [[nodiscard]] bool takes_new_sizes() const override { return true; }
  /// Also of one that has failed: the next write() tells.
  [[nodiscard]] bool wants_frames() const override {
    return !publishing_ || failed_ || audience_.wanted();
  }
  [[nodiscard]] std::size_t viewers() const override { return audience_.connected(); }
  [[nodiscard]] std::string trouble() const override;
  [[nodiscard]] SinkStats stats() const override;
  [[nodiscard]] std::string describe() const override;

 private:
  WhipSink(WhipSettings settings, std::optional<rtp::Mirror> mirror);
  void publish();
  Result<void> publish_once();
  void tell_connection(const Error* lost);
  bool wait(Nanoseconds time);
  void tell_of_sound(const web::Offer& ours, const web::Offer& answer);

  whip::WhipClient client_;
  std::mutex requests_mutex_;
  SinkRequests requests_;

  // The first picture tells what is published, and so begins it.
  std::atomic<bool> publishing_{false};
  std::atomic<bool> failed_{false};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closing_ = false;
  bool lost_ = false;  // the session that was
  std::optional<Error> failure_;
  std::string trouble_;

  std::vector<web::IceServer> ice_servers_;  // the publishing thread's
  bool told_of_sound_ = false;               // likewise
  web::Audience audience_;                   // of the one server
  web::VideoSender sender_;
  rtp::OpusPacketizer audio_packetizer_;
  std::future<void> dtls_key_;
  std::thread thread_;  // publishes
};

}  // namespace lumen
