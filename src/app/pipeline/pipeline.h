// A running stream: source → encode loop → sinks, and what is known about it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/adaptation/adaptation.h"
#include "app/exit_code.h"
#include "app/options/encoding_plan.h"
#include "app/options/stream_options.h"
#include "app/pipeline/audio_loop.h"
#include "app/pipeline/encode_loop.h"
#include "app/pipeline/sink_runner.h"
#include "app/status/event_log.h"
#include "app/status/stream_status.h"
#include "capture/capture_source.h"

namespace lumen {

/// Why the program ends, and with what code.
struct Failure {
  ExitCode code = ExitCode::kInternalError;
  Error error;
  bool told = false;  // already logged, because the stream went on
};

class Pipeline final : private CaptureListener {
 public:
  /// Checks what can be checked before anything streams: sinks, trace file, importer. `wake` is
  /// called from any thread when finished() may have changed.
  static tl::expected<std::unique_ptr<Pipeline>, Failure> create(const StreamOptions& options,
                                                                 std::function<void()> wake);
  ~Pipeline() override;

  tl::expected<void, Failure> start();
  /// Stops the source, encodes what is there, finishes the sinks. Once.
  void stop();

  /// True when the stream has ended by itself: frame limit, or a failure.
  [[nodiscard]] bool finished() const;
  /// The first failure, if any; a sink that failed while others went on counts too.
  [[nodiscard]] std::optional<Failure> failure() const;
  /// When the first frame went to the encoder; kNoTimestamp before.
  [[nodiscard]] Timestamp first_frame() const { return loop_->status().first_frame; }
  /// Whether a format was ever negotiated.
  [[nodiscard]] bool negotiated() const;
  /// Rates and interval latencies are those since the last call; sinks are told, too. Main thread.
  StreamStatus take_status();

 private:
  Pipeline(const StreamOptions& options, EncodingPlan plan, std::function<void()> wake);
  tl::expected<void, Failure> prepare();
  void schedule_key_frames();
  Result<void> prepare_audio();

  void on_frame(CapturedFrame frame) override;
  void on_format(const CaptureFormat& format) override;
  void on_state(CaptureState state, const std::string& reason) override;
  void on_failure(Error error) override;
  void on_encoded(const EncodedFrame& frame);
  void on_sink_failed(const Error& error);
  void on_bandwidth(std::size_t sink, std::uint64_t bits_per_second);
  [[nodiscard]] double backlog() const;
  void end(std::optional<Failure> failure);
  [[nodiscard]] StreamState state_locked() const;

  const StreamOptions options_;
  const EncodingPlan plan_;
  std::function<void()> wake_;
  FrameLedger ledger_;
  std::unique_ptr<TraceWriter> trace_;
  RepairPolicy repairs_;
  EventLog events_;
  std::vector<std::uint64_t> bandwidths_;  // of each sink; 0: no limit known
  std::optional<Adaptation> adaptation_;   // made once the sinks are known
  LatestSlot<CapturedFrame> slot_;
  std::vector<std::unique_ptr<SinkRunner>> sinks_;
  std::unique_ptr<CaptureSource> source_;
  std::unique_ptr<EncodeLoop> loop_;
  std::unique_ptr<AudioLoop> audio_;  // null: no sound is wanted

  mutable std::mutex mutex_;
  CaptureState state_ = CaptureState::kConnecting;
  std::string reason_;  // of state_
  std::optional<CaptureFormat> format_;
  std::optional<Failure> failure_;
  unsigned sinks_alive_ = 0;
  bool finished_ = false;

  // Main thread: what take_status() saw last time.
  Timestamp started_ = kNoTimestamp;
  Timestamp last_status_ = kNoTimestamp;
  std::uint64_t last_captured_ = 0;
  std::uint64_t last_encoded_ = 0;
  std::uint64_t last_bytes_ = 0;
};

}  // namespace lumen
