// lumen-test-tone [SINK]: plays a beep (capture/audio/beep.h) into a PipeWire session at each whole
// second of the monotonic clock, as the sink's clock has it. SINK is a node's name; without, the
// default sink. Says "playing" when it does. Ends with SIGTERM, or 1 with the daemon.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include <pipewire/pipewire.h>
#include <spa/param/audio/format-utils.h>

#include "capture/audio/audio_source.h"
#include "capture/audio/beep.h"

namespace {

struct Player {
  pw_main_loop* loop = nullptr;
  pw_stream* stream = nullptr;
  bool said = false;
  int code = 0;

  void process() {
    pw_buffer* const buffer = pw_stream_dequeue_buffer(stream);
    if (buffer == nullptr) return;
    pw_time time{};
    pw_stream_get_time_n(stream, &time, sizeof time);
    spa_data& data = buffer->buffer->datas[0];
    constexpr std::uint32_t kStride = sizeof(float) * lumen::kAudioChannels;
    std::uint32_t count = data.maxsize / kStride;
    if (buffer->requested != 0) {
      count = std::min(count, static_cast<std::uint32_t>(buffer->requested));
    }
    // What is queued and being converted is heard before this.
    const auto ahead = static_cast<std::int64_t>(time.queued + time.buffered);
    auto* sample = static_cast<float*>(data.data);
    for (std::uint32_t i = 0; i < count; ++i) {
      const lumen::Timestamp heard{
          lumen::Nanoseconds{time.now + (ahead + i) * 1'000'000'000 / lumen::kAudioRate}};
      const lumen::StereoSample value = lumen::beep_at(heard);
      *sample++ = value.left;
      *sample++ = value.right;
    }
    data.chunk->offset = 0;
    data.chunk->stride = kStride;
    data.chunk->size = count * kStride;
    buffer->size = count;
    pw_stream_queue_buffer(stream, buffer);
  }

  void state(pw_stream_state now) {
    if (now == PW_STREAM_STATE_STREAMING && !std::exchange(said, true)) {
      std::puts("playing");
      std::fflush(stdout);
    }
  }
};

const pw_stream_events kEvents = {
    .version = PW_VERSION_STREAM_EVENTS,
    .state_changed = [](void* player, pw_stream_state, pw_stream_state now,
                        const char*) { static_cast<Player*>(player)->state(now); },
    .process = [](void* player) { static_cast<Player*>(player)->process(); },
};

const pw_core_events kCoreEvents = {
    .version = PW_VERSION_CORE_EVENTS,
    .error =
        [](void* player, std::uint32_t id, int, int result, const char*) {
          if (id != PW_ID_CORE || result != -EPIPE) return;
          auto& self = *static_cast<Player*>(player);
          self.code = 1;
          pw_main_loop_quit(self.loop);
        },
};

}  // namespace

int main(int argc, char** argv) {
  pw_init(nullptr, nullptr);
  Player player;
  player.loop = pw_main_loop_new(nullptr);
  pw_loop* const events = pw_main_loop_get_loop(player.loop);
  const auto quit = [](void* loop, int) { pw_main_loop_quit(static_cast<pw_main_loop*>(loop)); };
  pw_loop_add_signal(events, SIGINT, quit, player.loop);
  pw_loop_add_signal(events, SIGTERM, quit, player.loop);
  pw_context* const context = pw_context_new(events, nullptr, 0);
  pw_core* const core = pw_context_connect(context, nullptr, 0);
  if (core == nullptr) {
    std::fputs("lumen-test-tone: no PipeWire daemon answers\n", stderr);
    return 1;
  }
  spa_hook core_hook{};
  pw_core_add_listener(core, &core_hook, &kCoreEvents, &player);

  pw_properties* props = pw_properties_new(PW_KEY_MEDIA_TYPE, "Audio", PW_KEY_MEDIA_CATEGORY,
                                           "Playback", PW_KEY_MEDIA_ROLE, "Music", PW_KEY_NODE_NAME,
                                           "test-tone", PW_KEY_NODE_LATENCY, "512/48000", nullptr);
  if (argc > 1) pw_properties_set(props, PW_KEY_TARGET_OBJECT, argv[1]);
  player.stream = pw_stream_new(core, "test tone", props);
  spa_hook hook{};
  pw_stream_add_listener(player.stream, &hook, &kEvents, &player);
  spa_audio_info_raw info{};
  info.format = SPA_AUDIO_FORMAT_F32;
  info.rate = lumen::kAudioRate;
  info.channels = lumen::kAudioChannels;
  info.position[0] = SPA_AUDIO_CHANNEL_FL;
  info.position[1] = SPA_AUDIO_CHANNEL_FR;
  std::array<std::uint8_t, 1024> memory{};
  spa_pod_builder builder{};
  spa_pod_builder_init(&builder, memory.data(), memory.size());
  const spa_pod* format = spa_format_audio_raw_build(&builder, SPA_PARAM_EnumFormat, &info);
  pw_stream_connect(
      player.stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
      static_cast<pw_stream_flags>(PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_RT_PROCESS |
                                   PW_STREAM_FLAG_MAP_BUFFERS),
      &format, 1);
  pw_main_loop_run(player.loop);
  pw_stream_destroy(player.stream);
  spa_hook_remove(&core_hook);
  pw_core_disconnect(core);
  pw_context_destroy(context);
  pw_main_loop_destroy(player.loop);
  return player.code;
}
