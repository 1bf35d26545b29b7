#include "capture/pipewire/audio_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <utility>

#include <spa/param/audio/format-utils.h>

#include "capture/pipewire/data_loop.h"

namespace lumen::pipewire {
namespace {

// About the time of one Opus packet: smaller ones wake the session's audio graph more often.
constexpr const char* kLatency = "512/48000";
// No sound card is so far behind; what a driver reports beyond that is no delay.
constexpr Nanoseconds kMostDelay = std::chrono::seconds{2};
constexpr std::size_t kFrameBytes = sizeof(float) * kAudioChannels;
constexpr std::size_t kMostBuffers = 16;

const spa_pod* raw_format(spa_pod_builder& builder) {
  spa_audio_info_raw info{};
  info.format = SPA_AUDIO_FORMAT_F32;
  info.rate = kAudioRate;
  info.channels = kAudioChannels;
  info.position[0] = SPA_AUDIO_CHANNEL_FL;
  info.position[1] = SPA_AUDIO_CHANNEL_FR;
  return spa_format_audio_raw_build(&builder, SPA_PARAM_EnumFormat, &info);
}

std::span<const float> samples_of(const pw_buffer& buffer) {
  const spa_buffer& inside = *buffer.buffer;
  if (inside.n_datas == 0) return {};
  const spa_data& data = inside.datas[0];
  if (data.data == nullptr || data.chunk == nullptr) return {};
  if ((data.chunk->flags & SPA_CHUNK_FLAG_CORRUPTED) != 0) return {};
  // Sizes and offsets are another process's words.
  const std::uint32_t offset = std::min(data.chunk->offset, data.maxsize) & ~3U;
  const std::uint32_t size = std::min(data.chunk->size, data.maxsize - offset);
  const auto* first = reinterpret_cast<const float*>(static_cast<const char*>(data.data) + offset);
  return {first, size / kFrameBytes * kAudioChannels};
}

/// Another process's words, hence the limit.
Nanoseconds time_of(double ticks, const spa_fraction& rate) {
  if (rate.denom == 0) return Nanoseconds{0};
  const std::chrono::duration<double> time{ticks * rate.num / rate.denom};
  if (!(time >= Nanoseconds{0} && time <= kMostDelay)) return Nanoseconds{0};
  return std::chrono::duration_cast<Nanoseconds>(time);
}

Nanoseconds duration_of(std::span<const float> samples) {
  return Nanoseconds{static_cast<std::int64_t>(samples.size() / kAudioChannels) * 1'000'000'000 /
                     kAudioRate};
}

}  // namespace

const pw_stream_events AudioStream::kEvents = {
    .version = PW_VERSION_STREAM_EVENTS,
    .state_changed =
        [](void* data, pw_stream_state, pw_stream_state state, const char* error) {
          static_cast<AudioStream*>(data)->on_state(state, error);
        },
    .io_changed =
        [](void* data, std::uint32_t id, void* area, std::uint32_t size) {
          static_cast<AudioStream*>(data)->on_io_changed(id, area, size);
        },
    .process = [](void* data) { static_cast<AudioStream*>(data)->on_process(); },
};

AudioStream::AudioStream(ThreadLoop& loop, std::optional<NodeInfo> node, AudioListener& listener,
                         Callbacks callbacks)
    : loop_(loop),
      node_(std::move(node)),
      listener_(listener),
      callbacks_(std::move(callbacks)),
      monitor_(!node_ || is_audio_sink(*node_)) {}

Result<std::unique_ptr<AudioStream>> AudioStream::create(ThreadLoop& loop, pw_core* core,
                                                         std::optional<NodeInfo> node,
                                                         AudioListener& listener,
                                                         Callbacks callbacks) {
  std::unique_ptr<AudioStream> self(
      new AudioStream(loop, std::move(node), listener, std::move(callbacks)));
  pw_properties* props = pw_properties_new(
      PW_KEY_MEDIA_TYPE, "Audio", PW_KEY_MEDIA_CATEGORY, "Capture", PW_KEY_NODE_NAME, "lumen-sound",
      PW_KEY_APP_NAME, "lumen", PW_KEY_NODE_LATENCY, kLatency, PW_KEY_STREAM_CAPTURE_SINK,
      self->monitor_ ? "true" : "false",
      // WirePlumber would bring back what was once set for a stream of this name.
      "state.restore-props", "false", "state.restore-target", "false", nullptr);
  if (self->node_) {
    // target.object takes a serial or a name, not an id. If the target vanishes, we want to hear of
    // it rather than be moved to another one.
    pw_properties_set(props, PW_KEY_TARGET_OBJECT, std::to_string(self->node_->serial).c_str());
    pw_properties_set(props, PW_KEY_NODE_DONT_RECONNECT, "true");
  }
  self->stream_ = pw_stream_new(core, "lumen sound", props);
  if (self->stream_ == nullptr) {
    return fail_errno(ErrorKind::kDeviceLost, "a PipeWire stream can't be made", errno);
  }
  pw_stream_add_listener(self->stream_, &self->hook_, &kEvents, self.get());

  std::array<std::uint8_t, 1024> memory{};
  spa_pod_builder builder{};
  spa_pod_builder_init(&builder, memory.data(), memory.size());
  const spa_pod* format = raw_format(builder);
  const int result = pw_stream_connect(
      self->stream_, PW_DIRECTION_INPUT, PW_ID_ANY,
      static_cast<pw_stream_flags>(PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_RT_PROCESS |
                                   PW_STREAM_FLAG_MAP_BUFFERS),
      &format, 1);
  if (result < 0) {
    return fail_errno(ErrorKind::kDeviceLost, "the PipeWire stream can't be connected", -result);
  }
  return self;
}

AudioStream::~AudioStream() {
  if (stream_ != nullptr) pw_stream_destroy(stream_);
}

void AudioStream::on_state(pw_stream_state state, const char* error) {
  switch (state) {
    case PW_STREAM_STATE_ERROR: callbacks_.failed(error == nullptr ? "stream error" : error); break;
    case PW_STREAM_STATE_UNCONNECTED: break;  // only by our own disconnect
    case PW_STREAM_STATE_CONNECTING:
    case PW_STREAM_STATE_PAUSED: callbacks_.state(AudioState::kPaused); break;
    case PW_STREAM_STATE_STREAMING: callbacks_.state(AudioState::kStreaming); break;
  }
}

void AudioStream::on_io_changed(std::uint32_t id, void* area, std::uint32_t size) {
  if (id != SPA_IO_Position) return;
  position_ = size >= sizeof(spa_io_position) ? static_cast<const spa_io_position*>(area) : nullptr;
  if (stream_ == nullptr) return;
  // The old area goes when this returns: wait until the data thread has let go of it.
  const auto nothing = [](spa_loop*, bool, std::uint32_t, const void*, std::size_t, void*) {
    return 0;
  };
  if (pw_loop* data_loop = data_loop_of(loop_, stream_)) {
    pw_loop_invoke(data_loop, nothing, 0, nullptr, 0, true, nullptr);
  }
}

// When the first sample of this cycle is heard. A source recorded it a buffer ago. A sink, which
// drives its graph, got it one cycle ago: it starts those who listen to it together with those who
// play into it (pw-profiler shows that; PipeWire 0.3.65). It plays what it gets once its buffer is
// through. spa_io_clock::delay is that buffer; its sign is not to be relied on: the header says
// negative for sinks, ALSA's says positive.
Timestamp AudioStream::heard(const pw_time& time) const {
  if (time.now <= 0) return now();
  const Timestamp cycle{Nanoseconds{time.now}};
  Nanoseconds delay{0};
  Nanoseconds duration{0};
  if (const spa_io_position* position = position_.load()) {
    const spa_io_clock& clock = position->clock;
    delay = time_of(std::abs(static_cast<double>(clock.delay)), clock.rate);
    duration = time_of(static_cast<double>(clock.duration), clock.rate);
  }
  const Nanoseconds converting{static_cast<std::int64_t>(time.buffered) * 1'000'000'000 /
                               kAudioRate};
  return cycle + (monitor_ ? delay - duration : -delay) - converting;
}

void AudioStream::on_process() {
  std::array<pw_buffer*, kMostBuffers> buffers{};
  std::size_t count = 0;
  while (count < buffers.size()) {
    pw_buffer* const buffer = pw_stream_dequeue_buffer(stream_);
    if (buffer == nullptr) break;
    buffers[count++] = buffer;
  }
  if (count == 0) return;
  pw_time time{};
  pw_stream_get_time_n(stream_, &time, sizeof time);
  // The last one is this cycle's, those before are what earlier cycles left.
  Timestamp first = heard(time);
  for (std::size_t i = 0; i + 1 < count; ++i) first -= duration_of(samples_of(*buffers[i]));
  for (std::size_t i = 0; i < count; ++i) {
    const auto samples = samples_of(*buffers[i]);
    if (!samples.empty()) listener_.on_audio({samples, first});
    first += duration_of(samples);
    pw_stream_queue_buffer(stream_, buffers[i]);
  }
}

}  // namespace lumen::pipewire
