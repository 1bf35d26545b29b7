#include "app/pipeline/audio_loop.h"

#include <utility>
#include <vector>

#include "core/log.h"

namespace lumen {

Result<std::unique_ptr<AudioLoop>> AudioLoop::create(std::unique_ptr<AudioSource> source,
                                                     OnPacket on_packet) {
  auto encoder = audio::Encoder::create({});
  if (!encoder) return tl::unexpected(std::move(encoder.error()));
  return std::unique_ptr<AudioLoop>(
      new AudioLoop(std::move(source), *std::move(encoder), std::move(on_packet)));
}

AudioLoop::AudioLoop(std::unique_ptr<AudioSource> source, std::unique_ptr<audio::Encoder> encoder,
                     OnPacket on_packet)
    : source_(std::move(source)), encoder_(std::move(encoder)), on_packet_(std::move(on_packet)) {}

bool AudioLoop::start() {
  thread_ = std::thread([this] { run(); });
  auto started = source_->start(*this);
  if (started) return *started;
  on_audio_state(AudioState::kWaiting, started.error().describe());
  return false;
}

void AudioLoop::tell() {
  AudioStatus status;
  {
    const std::scoped_lock lock(mutex_);
    telling_ = true;
    status = status_;
    status_.state = AudioState::kWaiting;
    status_.reason.clear();  // so that it counts as news
  }
  if (status.state != AudioState::kWaiting || !status.reason.empty()) {
    on_audio_state(status.state, status.reason);
  }
}

void AudioLoop::stop() {
  source_->stop();
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void AudioLoop::on_audio_state(AudioState state, const std::string& reason) {
  bool quiet = false;
  {
    const std::scoped_lock lock(mutex_);
    quiet = !telling_ || (state == status_.state && reason == status_.reason);
    status_.state = state;
    status_.reason = reason;
  }
  if (quiet) return;
  spdlog::logger& log = log::area("audio");
  switch (state) {
    case AudioState::kWaiting: log.info("no sound: {}", reason); break;
    case AudioState::kPaused: log.debug("{} is silent", source_->describe()); break;
    case AudioState::kStreaming: log.info("sound of {}", source_->describe()); break;
  }
}

void AudioLoop::run() {
  ClockMatcher matcher;
  std::vector<float> samples;
  Timestamp time;
  while (queue_.take(samples, time)) {
    matcher.push(samples, time, [this](const ClockMatcher::Frame& frame) { encode(frame); });
    const std::scoped_lock lock(mutex_);
    status_.drift_ppm = matcher.drift_ppm();
    status_.gaps = matcher.gaps();
  }
}

void AudioLoop::encode(const ClockMatcher::Frame& frame) {
  auto packet = encoder_->encode(frame.samples, frame.time);
  if (!packet) {
    log::area("audio").debug("{}", packet.error().describe());
    return;
  }
  on_packet_(*packet);
  const std::scoped_lock lock(mutex_);
  ++status_.packets;
  status_.bytes += packet->data.view().size();
}

AudioStatus AudioLoop::status() const {
  AudioStatus status;
  {
    const std::scoped_lock lock(mutex_);
    status = status_;
  }
  status.source = source_->describe();
  status.lost = queue_.lost();
  return status;
}

}  // namespace lumen
