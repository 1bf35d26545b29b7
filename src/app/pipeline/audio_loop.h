// The sound's way through the pipeline: source → our clock → Opus, on a thread of its own. Nothing
// that happens to the sound touches the picture.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/pipeline/audio_queue.h"
#include "app/status/audio_status.h"
#include "capture/audio/audio_source.h"
#include "encode/audio/audio_packet.h"
#include "encode/audio/clock_matcher.h"
#include "encode/audio/opus_encoder.h"

namespace lumen {

class AudioLoop final : private AudioListener {
 public:
  /// Called on the loop's thread, in order of pts.
  using OnPacket = std::function<void(const AudioPacket&)>;

  static Result<std::unique_ptr<AudioLoop>> create(std::unique_ptr<AudioSource> source,
                                                   OnPacket on_packet);
  AudioLoop(const AudioLoop&) = delete;
  AudioLoop& operator=(const AudioLoop&) = delete;
  ~AudioLoop() override { stop(); }

  /// True where there is something to hear already; else it may come later. That the source can't
  /// be used at all is told in the log and the status.
  bool start();
  /// From now on the log has what becomes of the sound, and what has become of it so far: once
  /// there is a stream that it could go with.
  void tell();
  /// Nobody listens. On one thread, between start() and stop().
  void pause() { source_->pause(); }
  void resume() { source_->resume(); }
  /// No packet comes after this returns. Idempotent.
  void stop();

  [[nodiscard]] const AudioParameters& parameters() const { return encoder_->parameters(); }
  /// Any thread.
  [[nodiscard]] AudioStatus status() const;

 private:
  AudioLoop(std::unique_ptr<AudioSource> source, std::unique_ptr<audio::Encoder> encoder,
            OnPacket on_packet);

  void on_audio(const AudioBlock& block) override { queue_.put(block); }
  void on_audio_state(AudioState state, const std::string& reason) override;
  void run();
  void encode(const ClockMatcher::Frame& frame);

  std::unique_ptr<AudioSource> source_;
  std::unique_ptr<audio::Encoder> encoder_;
  OnPacket on_packet_;
  AudioQueue queue_;

  mutable std::mutex mutex_;
  bool telling_ = false;
  AudioStatus status_;  // but source and lost, which others know

  std::thread thread_;
};

}  // namespace lumen
