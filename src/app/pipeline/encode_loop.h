// The one thread between capture and the sinks: takes the newest frame, holds the rate, converts,
// encodes. It opens the encoder when the negotiated format tells the size, so that the first frames
// need not wait for it, replaces it when it fails, repeats the last picture when the screen is
// still, shows one of its own while the session is away, and rests when nobody looks.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/adaptation/adaptation.h"
#include "app/pipeline/cursor_pacing.h"
#include "app/pipeline/damage_tracker.h"
#include "app/pipeline/thread_calls.h"
#include "app/pipeline/vigil.h"
#include "app/status/event_log.h"
#include "app/waiting/waiting_picture.h"
#include "core/frame_pacer.h"
#include "core/ladder.h"
#include "core/latest_slot.h"
#include "core/trace_writer.h"
#include "encode/encoder_ladder.h"
#include "encode/repair_policy.h"
#include "zerocopy/cursor_stage.h"
#include "zerocopy/planner.h"

namespace lumen {

struct EncodeLoopSettings {
  std::string encoder = "auto";  // a backend's name or "auto"
  EncoderSettings video;         // its size is filled in from the first frame
  std::optional<Extent> size;    // scale to this; none: the first picture's
  bool use_damage = true;        // believe the source where it says what has not changed
  ZeroCopy zerocopy = ZeroCopy::kAuto;
  std::uint64_t frame_limit = 0;  // ends after so many encoded frames; 0: never
};

/// What is to be encoded from now on, while it runs.
struct EncodeChange {
  EncoderSettings video;       // rate, size and colour are the stream's, whatever stands here
  std::optional<Extent> size;  // scale to this; none: as before
  AdaptationSettings adaptation;
};

struct EncodeStatus {
  std::uint64_t frames = 0;    // encoded, repeats included
  std::uint64_t repeated = 0;  // of these: the last picture once more, because the screen was still
  std::uint64_t skipped = 0;   // captured, but its memory was gone or its conversion failed
  std::uint64_t paced = 0;     // captured, but more than the highest frame rate allows
  std::uint64_t waiting = 0;   // besides: pictures of our own, which say that we wait
  std::uint64_t key_frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damage_known = 0;  // encoded frames that came with what had changed
  double damage_share = 0;         // of their pixels, on average, 0 to 1
  std::string route;               // "cpu/shm"; empty before the first frame
  PoolStatus pool;                 // of that route
  Ladder importers;
  Ladder encoders;
  std::shared_ptr<const StreamParameters> stream;  // null before the first frame
  unsigned bit_depth = 0;                          // of its samples
  ColorDescription color;                          // of the stream
  Timestamp first_frame = kNoTimestamp;
};

class EncodeLoop {
 public:
  /// kResting: nobody has wanted frames for some seconds.
  enum class Flow : std::uint8_t { kRunning, kResting };

  struct Callbacks {
    std::function<void(const EncodedFrame&, PictureOrigin)> encoded;  // as EncodedFrameCallback
    std::function<void(std::vector<FormatOffer>)> renegotiate;        // a format or modifier failed
    /// The loop has ended: frame limit, slot closed, or (with an error) nothing can encode or
    /// import.
    std::function<void(std::optional<Error>)> finished;
    /// How full the fullest queue behind the encoder is, 0 to 1.
    std::function<double()> backlog;
    std::function<void(StreamEvent)> happened;
    /// What the sinks want now; asked for whenever the slot was interrupted.
    std::function<Demand()> demand;
    std::function<void(Flow)> flow;  // a rest begins or ends
  };

  /// Slot, policies and trace (may be null) must outlive the loop.
  EncodeLoop(EncodeLoopSettings settings, LatestSlot<CapturedFrame>& slot, RepairPolicy& policy,
             Adaptation& adaptation, TraceWriter* trace, Callbacks callbacks);
  EncodeLoop(const EncodeLoop&) = delete;
  ~EncodeLoop();  // the slot must be closed

  /// Starts the thread and waits until it has planned the import, which proves GPU routes and may
  /// take a second. Returns what the source should offer. Error: no route works (domain "zerocopy"
  /// where one was required); the thread has ended and finished() is not called.
  Result<std::vector<FormatOffer>> start();
  void join();
  /// What the source has negotiated. Any thread.
  void set_format(const CaptureFormat& format);
  /// The source has nothing to show: until its next frame, sinks that want to know get a picture
  /// that says so, with the reason. Any thread.
  void source_lost(std::string reason);
  /// It is back, and its first frame on its way. Any thread.
  void source_found();
  [[nodiscard]] EncodeStatus status() const;

  /// In place where the encoder can; else it is opened again, and where that fails, as it was
  /// before: then the stream goes on unchanged, and the error says why. `before_first` is called on
  /// the encode thread when everything that was encoded before has been handed out, and nothing
  /// that comes after. Waits for it all; any thread but the encode thread.
  Result<void> change(EncodeChange change, std::function<void()> before_first = {});
  /// Forgets the picture at hand, so that nothing is repeated until the source sends another.
  void forget_picture();
  /// When the encode thread last came round, and a nudge to do so.
  [[nodiscard]] Timestamp alive_at() const { return alive_at_; }
  void nudge() { slot_.interrupt(); }

 private:
  enum class Next { kFrame, kRepeat, kWaiting, kNews, kNothing, kClosed };

  using Offers = Result<std::vector<FormatOffer>>;

  void run(std::promise<Offers> offers);
  Result<void> work();
  Next wait_for_frame(CapturedFrame& frame);
  Timestamp due(const CapturedFrame& frame);
  Next pass_time();
  Result<void> heed_news();
  Result<void> encode_waiting();
  Result<void> open_for_waiting();
  Result<void> encode_captured(CapturedFrame captured);
  Result<void> encode_cursor(const FrameTimes& times);
  Result<void> encode_repeat();
  Result<void> prepare_encoder();
  Result<void> fit_encoder(const CapturedFrame& frame);
  Result<void> follow_source(const CapturedFrame& frame);
  Result<void> open(const EncoderSettings& full);
  Result<void> use_encoder();
  /// What a stream's description depends on.
  struct SourceLook {
    unsigned bit_depth = 0;
    bool rgb = true;
    ColorDescription color;

    bool operator==(const SourceLook&) const = default;
  };
  static SourceLook look_of(const CapturedFrame& frame) {
    return {bit_depth(frame.format), !is_yuv(frame.format), frame.color};
  }
  enum class Sizes { kFixed, kFree };
  Result<void> adapt(Sizes sizes);
  Result<void> apply(const EncodeChange& change, const std::function<void()>& before_first);
  Result<void> reopen(const EncoderSettings& wanted);
  void tell_level();
  void tell_hdr(unsigned bits);
  Result<void> encode(Frame frame);
  Result<void> submit(Frame frame);
  Result<Frame> with_cursor(Frame frame);
  Result<void> replace_encoder(Error cause, Frame frame);
  [[nodiscard]] std::optional<Frame> as_input(Frame frame) const;
  void show_encoders();
  void on_encoded(EncodedFrame frame);
  void count_damage(const Frame& frame);
  bool limit_reached() const;
  void show_route();

  EncodeLoopSettings settings_;  // its video is what was asked for, fitted to the source
  EncoderSettings asked_;        // before that
  EncoderSettings video_;        // what is encoded
  std::unique_ptr<Planner> planner_;
  LatestSlot<CapturedFrame>& slot_;
  RepairPolicy& policy_;
  Adaptation& adaptation_;
  TraceWriter* trace_;
  Callbacks callbacks_;
  FramePacer pacer_;

  std::string shown_route_;              // what the status says
  std::size_t told_level_ = 0;           // of adaptation
  Timestamp idle_since_ = kNoTimestamp;  // the last picture was done
  std::string hdr_warning_;              // that was told
  DamageTracker damage_;
  EncoderLadder encoders_;
  std::optional<Frame> last_;  // of the session; without the cursor
  CursorStage cursor_;
  LastOut last_out_;
  Vigil vigil_;
  ImportTarget target_;                      // of the encoder in use
  std::unique_ptr<WaitingPicture> waiting_;  // while it is shown
  SourceLook source_look_;                   // that the encoder was opened for
  bool opened_for_waiting_ = false;          // the encoder, before there was a picture to fit it to
  bool news_ = false;                        // came while a picture was held back
  bool missed_frames_ = false;               // during a rest: damage does not count from them
  Timestamp last_pts_ = kNoTimestamp;
  std::uint64_t last_id_ = 0;
  std::uint64_t unit_bytes_ = 0;    // of the access unit that comes in parts
  std::optional<Error> end_error_;  // of a change that left no encoder

  ThreadCalls calls_;
  std::atomic<Timestamp> alive_at_{kNoTimestamp};

  mutable std::mutex status_mutex_;
  EncodeStatus status_;
  std::optional<CaptureFormat> format_;
  std::optional<Timestamp> lost_at_;  // news for the loop: a loss, unless found_at_ is later
  std::optional<Timestamp> found_at_;
  std::string missing_;            // what is waited for
  std::deque<Timestamp> of_host_;  // pts of our own pictures that the encoder has not given back
  std::thread thread_;
};

}  // namespace lumen
