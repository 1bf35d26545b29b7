// One pw_stream that records what a sink plays, or what a source gives.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <pipewire/pipewire.h>
#include <spa/node/io.h>

#include "capture/audio/audio_source.h"
#include "capture/pipewire/connection.h"

namespace lumen::pipewire {

class AudioStream {
 public:
  /// Calls come with the loop locked, from inside stream events: don't destroy the stream there.
  struct Callbacks {
    std::function<void(AudioState)> state;
    /// The stream can't go on (target gone, no session manager). Destroy it soon.
    std::function<void(const std::string&)> failed;
  };

  /// With the loop locked. Without a node it is the monitor of the default sink, whichever that is:
  /// the session manager moves the stream. `listener` gets on_audio() on PipeWire's data thread.
  static Result<std::unique_ptr<AudioStream>> create(ThreadLoop& loop, pw_core* core,
                                                     std::optional<NodeInfo> node,
                                                     AudioListener& listener, Callbacks callbacks);
  AudioStream(const AudioStream&) = delete;
  ~AudioStream();

  /// With the loop locked: the graph leaves it alone until resume().
  void pause() { pw_stream_set_active(stream_, false); }
  void resume() { pw_stream_set_active(stream_, true); }

  [[nodiscard]] const std::optional<NodeInfo>& node() const { return node_; }

 private:
  AudioStream(ThreadLoop& loop, std::optional<NodeInfo> node, AudioListener& listener,
              Callbacks callbacks);
  void on_state(pw_stream_state state, const char* error);
  void on_io_changed(std::uint32_t id, void* area, std::uint32_t size);
  void on_process();                                         // data thread
  [[nodiscard]] Timestamp heard(const pw_time& time) const;  // data thread

  static const pw_stream_events kEvents;

  ThreadLoop& loop_;
  std::optional<NodeInfo> node_;
  AudioListener& listener_;
  Callbacks callbacks_;
  bool monitor_;  // of a sink
  pw_stream* stream_ = nullptr;
  spa_hook hook_{};
  std::atomic<const spa_io_position*> position_{nullptr};  // of the graph's driver
};

}  // namespace lumen::pipewire
