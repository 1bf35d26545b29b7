// The sinks of a running stream: they come and go one by one, and none disturbs the others.
//
// Each has a number that is never given again. Any thread, but never from inside a sink's callback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/sink_runner.h"
#include "app/pipeline/vigil.h"
#include "app/status/stream_status.h"
#include "sink/sink_spec.h"

namespace lumen {

struct RunningSink {
  unsigned id = 0;
  std::string text;  // the specification as the user gave it; may hold a token
  SinkSpec spec;
  std::shared_ptr<SinkRunner> runner;
};

class SinkSet {
 public:
  /// From the next access unit on the sink gets what is encoded; it begins with a key frame, which
  /// is for the caller to ask for.
  void add(RunningSink sink);
  /// A number for a sink that is to be added.
  unsigned next_id();
  /// From now on it gets nothing; what is queued is still in its runner, for the caller to
  /// finish(). None: there is no such sink.
  std::optional<RunningSink> take(unsigned id);
  std::vector<RunningSink> take_if(const std::function<bool(const RunningSink&)>& chosen);
  /// Finishes all of them; they stay in the status.
  void finish();

  /// The host's own pictures go to those that show them.
  void offer(const EncodedFrame& frame, PictureOrigin origin) const;
  void offer(const AudioPacket& packet) const;
  void show_status(const std::string& json) const;
  void expect_audio(const AudioParameters& audio) const;

  /// What way `id` carries, in bits per second; 0: no limit known. The narrowest of all ways.
  std::uint64_t set_bandwidth(unsigned id, std::uint64_t bits_per_second);
  [[nodiscard]] std::size_t viewers() const;
  /// What they want together.
  [[nodiscard]] Demand demand() const;
  /// The longest queue, in access units.
  [[nodiscard]] std::size_t backlog() const;
  [[nodiscard]] bool needs_periodic_key_frames() const;
  [[nodiscard]] bool all_take_new_sizes() const;
  [[nodiscard]] bool any_running() const;
  [[nodiscard]] std::vector<SinkStatus> status() const;
  [[nodiscard]] std::vector<RunningSink> all() const;
  [[nodiscard]] std::vector<std::string> texts() const;

 private:
  struct Entry {
    RunningSink sink;
    std::uint64_t bandwidth = 0;
  };

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  unsigned last_id_ = 0;
};

}  // namespace lumen
