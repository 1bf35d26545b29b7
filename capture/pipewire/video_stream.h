// One pw_stream on one node: negotiates, receives buffers, hands frames on.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <pipewire/pipewire.h>

#include "capture/capture_source.h"
#include "capture/pipewire/buffer_table.h"
#include "capture/pipewire/connection.h"
#include "capture/pipewire/cursor_tracker.h"
#include "capture/pipewire/video_format.h"

namespace lumen::pipewire {

enum class StreamFlow : std::uint8_t { kActive, kPaused };

/// Shared by all streams that a source opens one after the other.
struct StreamCounters {
  std::atomic<std::uint64_t> frame_id{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> superseded{0};
  std::atomic<std::uint64_t> corrupted{0};
  std::atomic<std::uint64_t> empty{0};
  std::atomic<std::uint64_t> invalid{0};
  std::shared_ptr<BufferTable::Count> leases_out = std::make_shared<BufferTable::Count>(0);
};

class VideoStream {
 public:
  /// Calls come with the loop locked, from inside stream events: don't destroy the stream there.
  struct Callbacks {
    std::function<void(CaptureState)> state;
    std::function<void(const CaptureFormat&)> format;
    /// The stream can't go on (no common format, target gone). Destroy it soon.
    std::function<void(const std::string&)> failed;
    /// As failed: none of the producer's buffers can be used.
    std::function<void()> unusable;
    /// As failed, and a stream that does not offer explicit sync will do.
    std::function<void(const std::string&)> sync_failed;
  };
  struct Target {
    NodeInfo node;
    CaptureRequest request;
    MaxFramerate max_framerate = MaxFramerate::kOffer;
    std::shared_ptr<SyncDevice> sync;  // null: explicit sync is not offered
    StreamFlow flow = StreamFlow::kActive;
    GamescopeWishes wishes;
  };

  /// With the loop locked. `listener` gets on_frame() on PipeWire's data thread.
  static Result<std::unique_ptr<VideoStream>> create(ThreadLoop& loop, pw_core* core, Target target,
                                                     CaptureListener& listener,
                                                     StreamCounters& counters, Callbacks callbacks);
  VideoStream(const VideoStream&) = delete;
  ~VideoStream();

  /// With the loop locked.
  Result<void> renegotiate(std::vector<FormatOffer> offers);

  /// With the loop locked. A paused stream has a format and buffers; the producer is told to rest.
  void set_flow(StreamFlow flow);

  [[nodiscard]] const NodeInfo& node() const { return target_.node; }

 private:
  VideoStream(ThreadLoop& loop, Target target, CaptureListener& listener, StreamCounters& counters,
              Callbacks callbacks);

  void on_state(pw_stream_state state, const char* error);
  void on_format(const spa_pod* pod);
  void on_add_buffer(pw_buffer* buffer);
  void on_process();                                // data thread
  pw_buffer* dequeue_newest(BufferLayout& layout);  // data thread
  BufferLayout inspect(pw_buffer* buffer);          // data thread
  void heed_cursor(const spa_buffer& buffer);       // data thread
  void complain(const char* problem);               // data thread
  /// Of the format in effect, without image, damage and lease. Data thread.
  CapturedFrame make_frame(const BufferLayout& layout);
  void report_problem();
  [[nodiscard]] bool all_buffers_refused() const;

  static const pw_stream_events kEvents;

  ThreadLoop& loop_;
  Target target_;
  CaptureListener& listener_;
  StreamCounters& counters_;
  Callbacks callbacks_;
  std::shared_ptr<BufferTable> buffers_ =
      std::make_shared<BufferTable>(counters_.leases_out, target_.sync);
  pw_stream* stream_ = nullptr;
  spa_hook hook_{};
  spa_source* problem_event_ = nullptr;

  // Written by the main loop while the stream is paused, read by the data thread.
  std::mutex format_mutex_;
  std::optional<VideoFormat> format_;
  Damage damage_;         // since the last picture that was handed on; unknown with a new format
  CursorTracker cursor_;  // the data thread's
  bool cursor_changed_ = false;  // since the last frame that was handed on
  Rect crop_;                    // of the last picture that was handed on, in this format; or empty

  unsigned usable_buffers_ = 0;                // main loop, of the present format
  unsigned refused_buffers_ = 0;               // the same
  bool announce_format_ = false;               // main loop: the next buffer tells the memory's name
  std::atomic<const char*> problem_{nullptr};  // static text from the data thread
  std::set<const char*> reported_;             // main loop; each problem is told once
};

}  // namespace lumen::pipewire
