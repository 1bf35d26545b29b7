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
#include "app/notify/watch_notice.h"
#include "app/options/encoding_plan.h"
#include "app/options/stream_options.h"
#include "app/pipeline/audio_loop.h"
#include "app/pipeline/encode_loop.h"
#include "app/pipeline/sink_set.h"
#include "app/pipeline/stream_change.h"
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
  /// SinkRequests::control.
  using ControlRequest = std::function<Result<void>(std::string_view request)>;

  /// Checks what can be checked before anything streams: sinks, trace file, importer. `wake` is
  /// called from any thread when finished() may have changed, `control` when a sink's receiver asks
  /// the host for something.
  static tl::expected<std::unique_ptr<Pipeline>, Failure> create(const StreamOptions& options,
                                                                 std::function<void()> wake,
                                                                 ControlRequest control = {});
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
  /// Whether the source is waited for, so that nothing can be negotiated.
  [[nodiscard]] bool source_lost() const;
  /// Nobody has wanted frames for some seconds: the source is paused, nothing happens until
  /// somebody comes. `wake` is called when this changes.
  [[nodiscard]] bool resting() const { return resting_; }
  /// Rates and interval latencies are those since the last call; sinks are told, too. Main thread.
  StreamStatus take_status();
  /// With the rates and interval latencies of the last take_status(). Any thread.
  [[nodiscard]] StreamStatus status() const;

  // What can be changed while it runs. Any thread but the pipeline's own, one at a time; they wait
  // until it is done.

  struct SinkInfo {
    unsigned id = 0;
    std::string name;  // "file demo.mp4"
  };
  /// It begins with a key frame. Errors as create_sink(); kInvalidArgument where it doesn't go with
  /// the stream.
  Result<SinkInfo> add_sink(const std::string& spec);
  /// Finished well: a recording is complete. kNotFound: there is no such sink.
  Result<SinkInfo> remove_sink(unsigned id);
  /// Sinks that can't follow a new codec or size are finished; their names come back. With an error
  /// nothing has changed.
  Result<std::vector<std::string>> change(const StreamChange& change);
  /// The first that was made of these words.
  [[nodiscard]] std::optional<unsigned> find_sink(const std::string& spec) const;
  void request_key_frame() { repairs_.request(KeyFrameReason::kUser); }
  /// Lets go of the source, and shows nothing until it is taken up again; sinks stay.
  Result<void> hold();
  Result<void> take_up();

  /// When the encode thread last came round. Nudges it, so that a stream without pictures shows
  /// signs of life too.
  Timestamp alive_at();

 private:
  Pipeline(const StreamOptions& options, EncodingPlan plan, std::function<void()> wake,
           ControlRequest control);
  tl::expected<void, Failure> prepare();
  Result<RunningSink> make_sink(const std::string& text, SinkSpec spec, unsigned id);
  void attach(RunningSink sink);
  Result<void> adopt(StreamOptions next, AdaptationSettings adaptation, std::optional<Extent> size,
                     std::function<void()> before_first);
  std::vector<std::string> replace(std::vector<RunningSink> sinks, const std::string& reason);
  /// What sinks are told of the stream: as it is, or is planned to be.
  [[nodiscard]] EncoderSettings streamed(const EncoderSettings& planned) const;
  [[nodiscard]] AdaptationSettings adaptation_settings(bool sizes_may_change) const;
  [[nodiscard]] std::optional<Extent> source_size() const;
  [[nodiscard]] Result<void> start_source();
  void schedule_key_frames();
  Result<void> prepare_audio();

  void on_frame(CapturedFrame frame) override;
  void on_format(const CaptureFormat& format) override;
  void on_state(CaptureState state, const std::string& reason) override;
  void on_failure(Error error) override;
  void on_encoded(const EncodedFrame& frame, PictureOrigin origin);
  void on_flow(EncodeLoop::Flow flow);
  Demand demand();
  void on_sink_failed(const Error& error);
  [[nodiscard]] double backlog() const;
  void end(std::optional<Failure> failure);
  [[nodiscard]] StreamState state_locked() const;

  std::mutex operations_;  // one change at a time; options_ and plan_ are written under it alone
  std::unique_lock<std::mutex> not_started_{operations_};  // until then nothing is changed
  StreamOptions options_;
  EncodingPlan plan_;
  const FrameRate highest_rate_;
  std::atomic<KeyFrameSchedule> schedule_;
  std::function<void()> wake_;
  ControlRequest control_;
  FrameLedger ledger_;
  std::unique_ptr<TraceWriter> trace_;
  RepairPolicy repairs_;
  EventLog events_;
  std::optional<Adaptation> adaptation_;  // made once the sinks are known
  LatestSlot<CapturedFrame> slot_;
  SinkSet sinks_;
  std::unique_ptr<CaptureSource> source_;
  std::unique_ptr<EncodeLoop> loop_;
  std::unique_ptr<AudioLoop> audio_;  // null: no sound is wanted
  std::mutex source_mutex_;           // its calls come from several threads
  CaptureRequest request_;
  std::atomic<bool> held_{false};
  std::atomic<bool> resting_{false};
  std::unique_ptr<WatchNotice> notice_;  // null: none is wanted
  bool audio_expected_ = false;

  mutable std::mutex mutex_;
  CaptureState state_ = CaptureState::kConnecting;
  std::string reason_;  // of state_
  std::optional<CaptureFormat> format_;
  std::optional<Failure> failure_;
  bool finished_ = false;

  Timestamp started_ = kNoTimestamp;
  struct Rates {
    double captured_fps = 0;
    double encoded_fps = 0;
    std::uint64_t bitrate_bps = 0;
    StageSummary interval;
  };
  Rates rates_;  // under mutex_: of the last interval
  // Main thread: what take_status() saw last time.
  Timestamp last_status_ = kNoTimestamp;
  std::uint64_t last_captured_ = 0;
  std::uint64_t last_encoded_ = 0;
  std::uint64_t last_bytes_ = 0;
};

}  // namespace lumen
