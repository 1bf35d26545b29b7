// Captures from a PipeWire video node, and stays with it: through renegotiation, pauses, the node's
// disappearance and return, and restarts of the daemon.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "capture/capture_source.h"
#include "capture/pipewire/node_directory.h"
#include "capture/pipewire/video_stream.h"
#include "platform/linux/unique_fd.h"

namespace lumen::pipewire {

/// What the source does once the node, or the daemon, went away.
enum class GoneNode {
  kIsAwaited,  // what comes by the same name is the same source
  kIsTheEnd,   // it was granted, and nothing else was: kLost is the last word
};

struct PipeWireSourceSettings {
  NodeSelector node;
  UniqueFd remote;  // the connection to use; empty: one to the session's daemon
  AbsentSource absent = AbsentSource::kIsError;     // the node, or the daemon
  AbsentSource ambiguous = AbsentSource::kIsError;  // several gamescopes: until one is left
  GoneNode gone = GoneNode::kIsAwaited;
  GamescopeWishes wishes;  // for a node that is a gamescope's
};

class PipeWireSource final : public CaptureSource {
 public:
  explicit PipeWireSource(NodeSelector node);
  explicit PipeWireSource(PipeWireSourceSettings settings);
  ~PipeWireSource() override { stop(); }

  /// kDeviceLost: no daemon. kNotFound: no such node. kInvalidArgument: several are meant. Once it
  /// has returned well, the source waits for whatever goes away to come back, and never guesses
  /// which of several is meant.
  Result<void> start(const CaptureRequest& request, CaptureListener& listener) override;
  void renegotiate(std::vector<FormatOffer> offers) override;
  void pause() override { set_flow(StreamFlow::kPaused); }
  void resume() override { set_flow(StreamFlow::kActive); }
  void stop() override;
  [[nodiscard]] CaptureStats stats() const override;
  [[nodiscard]] std::string describe() const override;

 private:
  void set_flow(StreamFlow flow);
  // All below run with the loop locked.
  Result<void> find_node();
  Result<void> connect();
  Result<void> open_stream(const NodeInfo& node);
  void on_nodes_changed();
  void on_lost(const std::string& reason);
  void tell_lost(const std::string& reason);
  [[nodiscard]] std::optional<NodeInfo> next_node();
  void on_stream_failed(const std::string& reason);
  void on_stream_unusable();
  /// `in_the_end`: what is told where it never streams.
  void ask_again(const std::string& reason, Error in_the_end);
  void on_sync_failed(const std::string& reason);
  void on_stream_state(CaptureState state);
  void schedule(Nanoseconds delay);
  void recover();
  Nanoseconds next_delay();

  NodeSelector selector_;
  UniqueFd remote_;  // empty: never given, or in use
  const AbsentSource absent_;
  const AbsentSource ambiguous_;
  const GoneNode gone_;
  const GamescopeWishes wishes_;
  CaptureRequest request_;
  CaptureListener* listener_ = nullptr;
  MaxFramerate max_framerate_ = MaxFramerate::kOffer;
  std::shared_ptr<SyncDevice> sync_;       // null: explicit sync is not offered (any more)
  StreamFlow flow_ = StreamFlow::kActive;  // with the loop locked, once there is one
  StreamCounters counters_;
  std::atomic<std::uint64_t> reconnects_{0};
  mutable std::mutex description_mutex_;
  std::string description_;

  // In dependency order: the stream lives on the connection, which lives on the loop.
  std::unique_ptr<ThreadLoop> loop_;
  spa_source* timer_ = nullptr;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<VideoStream> stream_;
  bool connection_dead_ = false;
  bool stream_dead_ = false;
  bool lost_ = false;                  // the loss was told; the next STREAMING is a return
  bool unclear_ = false;               // several were meant when the loss was last told
  std::string told_;                   // why
  std::optional<NodeSerial> last_;     // of the daemon's nodes, what was streamed
  unsigned failures_ = 0;              // since frames last flowed; sets the delay
  std::uint64_t received_before_ = 0;  // frames when the last failure was counted
  unsigned refusals_ = 0;              // failures before anything ever streamed
  bool streamed_ = false;
};

}  // namespace lumen::pipewire
