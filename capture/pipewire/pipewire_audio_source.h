// Records the session's sound from PipeWire, and stays with it: through pauses, another default
// sink, a sink that is unplugged, and restarts of the daemon.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "capture/audio/audio_source.h"
#include "capture/pipewire/audio_stream.h"
#include "capture/pipewire/node_directory.h"

namespace lumen::pipewire {

/// start(), pause(), resume() and stop() belong to one thread at a time.
class PipeWireAudioSource final : public AudioSource {
 public:
  /// AnyNode: the monitor of the default sink. A sink stands for its monitor.
  explicit PipeWireAudioSource(NodeSelector selector) : selector_(std::move(selector)) {}
  ~PipeWireAudioSource() override { stop(); }

  /// Whatever is missing is waited for. Errors: libpipewire itself can't be used.
  Result<bool> start(AudioListener& listener) override;
  void pause() override { set_active(Listening::kNo); }
  void resume() override { set_active(Listening::kYes); }
  void stop() override;
  [[nodiscard]] std::string describe() const override;

 private:
  enum class Listening : std::uint8_t { kNo, kYes };
  void set_active(Listening listening);
  // All below run with the loop locked.
  [[nodiscard]] bool follows_default() const { return std::holds_alternative<AnyNode>(selector_); }
  [[nodiscard]] bool has_sink() const;
  Result<void> connect();
  void open_stream();
  void on_nodes_changed();
  void on_stream_state(AudioState state);
  void on_stream_failed(const std::string& reason);
  void tell(AudioState state, const std::string& reason);
  void schedule(Nanoseconds delay);
  void recover();
  Nanoseconds next_delay();

  NodeSelector selector_;
  AudioListener* listener_ = nullptr;
  mutable std::mutex description_mutex_;
  std::string description_;

  // In dependency order: the stream lives on the connection, which lives on the loop.
  std::unique_ptr<ThreadLoop> loop_;
  spa_source* timer_ = nullptr;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<AudioStream> stream_;
  bool connection_dead_ = false;
  bool stream_dead_ = false;
  unsigned failures_ = 0;  // since sound last flowed; sets the delay
  Listening listening_ = Listening::kYes;
  std::optional<AudioState> told_;
  std::string told_reason_;
};

}  // namespace lumen::pipewire
