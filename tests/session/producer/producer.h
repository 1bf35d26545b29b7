// Sends numbered frames at an exact rate through a video node, and does what the personality asks
// for at its frames. All on the main loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <pipewire/pipewire.h>

#include "core/error.h"
#include "core/time.h"
#include "loop_timer.h"
#include "options.h"
#include "video_node.h"

namespace lumen::producer {

class Producer {
 public:
  enum class End { kFinished, kDisconnected };

  /// `loop` and `core` are borrowed and outlive the producer.
  Producer(pw_main_loop* loop, pw_core* core, Options options);
  Producer(const Producer&) = delete;
  ~Producer();

  /// Creates the node and returns when all frames are sent, stop() was called or the daemon is
  /// gone.
  Result<End> run();
  void stop();
  void print_totals();

 private:
  Result<void> create_node();
  void on_exists(std::uint32_t node_id);
  void on_global(std::uint32_t id, const char* serial);
  void on_disconnect();
  void print_ready();

  void begin_epoch(Timestamp start);
  void tick();
  void arm();
  [[nodiscard]] Timestamp due_time(std::uint64_t slot) const;
  [[nodiscard]] Nanoseconds interval() const;
  /// Returns how many.
  std::uint64_t skip_slots_before(Timestamp earliest);
  [[nodiscard]] std::optional<Action> take_action();
  void perform(const Action& action);
  void resume();

  pw_main_loop* loop_;
  pw_core* core_;
  pw_registry* registry_ = nullptr;
  spa_hook core_listener_{};
  spa_hook registry_listener_{};

  Options options_;
  std::map<std::uint32_t, std::string> serials_;  // by node id
  std::optional<std::uint32_t> unannounced_node_;
  std::unique_ptr<LateSync> sync_;  // null: not asked for
  std::unique_ptr<VideoNode> node_;
  LoopTimer frame_timer_;
  LoopTimer resume_timer_;
  LoopTimer renewal_timer_;
  LoopTimer end_timer_;

  Timestamp epoch_;              // due time of slot 0
  std::uint64_t slot_ = 0;       // the next one, counted from the epoch
  bool settled_ = false;         // both ends have had time to start since the last negotiation
  bool stream_printed_ = false;  // for the format in effect
  std::size_t actions_done_ = 0;
  std::uint64_t recycled_at_ = 0;
  std::vector<Modifier> withdrawn_modifiers_;  // by kToMemFd
  End end_ = End::kFinished;

  std::uint64_t produced_ = 0;  // good frames sent: also the next frame's number
  std::uint64_t skipped_ = 0;
  std::uint64_t bad_ = 0;
};

}  // namespace lumen::producer
