// Somebody who watches an RTP stream while it runs: decodes it on a thread of its own and knows the
// host's waiting picture from the session's.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include "free_port.h"
#include "harness/decode.h"
#include "harness/process.h"

namespace lumen::session {

class LiveViewer {
 public:
  struct Seen {
    std::uint64_t session = 0;                           // pictures of the session
    std::uint64_t waiting = 0;                           // pictures of the host's own
    std::uint64_t turns = 0;                             // from one kind to the other
    Extent size;                                         // of the newest picture
    std::uint64_t errors = 0;                            // of the decoder; known at the end
    std::chrono::steady_clock::time_point session_at{};  // when the newest of the session came
  };

  /// Waits for the description; ends when nothing has come for some seconds.
  explicit LiveViewer(std::string sdp)
      : thread_([this, sdp = std::move(sdp)](const std::stop_token& stop) { watch(stop, sdp); }) {}
  LiveViewer(const LiveViewer&) = delete;
  ~LiveViewer() = default;

  [[nodiscard]] Seen seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }
  /// After the stream's end.
  Seen finish() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    return seen();
  }

  /// The host's picture is nearly all background: (24, 26, 31), which is 38 in limited range.
  static bool is_waiting_picture(const DecodedFrame& frame) {
    const auto background = std::ranges::count_if(
        frame.luma, [](std::uint8_t luma) { return luma >= 34 && luma <= 42; });
    return static_cast<std::size_t>(background) * 100 > frame.luma.size() * 80;
  }

 private:
  void watch(const std::stop_token& stop, const std::string& sdp) {
    while (!stop.stop_requested() && !std::filesystem::exists(sdp)) polling_pause();
    if (stop.stop_requested()) return;
    bool was_waiting = false;
    const auto video =
        decode_video(sdp,
                     [&](DecodedFrame&& frame) {
                       const bool waiting = is_waiting_picture(frame);
                       const std::scoped_lock lock(mutex_);
                       ++(waiting ? seen_.waiting : seen_.session);
                       if (!waiting) seen_.session_at = std::chrono::steady_clock::now();
                       if (seen_.session + seen_.waiting > 1 && waiting != was_waiting)
                         ++seen_.turns;
                       was_waiting = waiting;
                       seen_.size = frame.size;
                     },
                     {.idle_timeout = std::chrono::milliseconds(6000)});
    const std::scoped_lock lock(mutex_);
    seen_.errors = video ? video->errors : ~std::uint64_t{0};
  }

  mutable std::mutex mutex_;
  Seen seen_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace lumen::session
