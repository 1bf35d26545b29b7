// Captures what a screen cast grants, and asks again whenever the cast, its node or the compositor
// goes: the source lives from start() to stop(), its casts come and go.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "capture/capture_source.h"
#include "capture/session/screen_cast.h"

namespace lumen::session {

struct ScreenCastSourceSettings {
  /// Whether the first cast, too, is waited for where it is not certain that it will never come.
  AbsentSource absent = AbsentSource::kIsError;
  /// Before the second attempt in a row; doubles with each further one.
  Nanoseconds first_delay = std::chrono::milliseconds(100);
  /// Frames shall flow two seconds after the compositor is back.
  Nanoseconds longest_delay = std::chrono::milliseconds(800);
  /// Then the user is told that there is no picture.
  Nanoseconds first_frame_patience = std::chrono::seconds(5);
  /// Makes what captures a granted node. Empty: a PipeWireSource.
  std::function<std::unique_ptr<CaptureSource>(CastGrant)> capture;
};

class ScreenCastSource final : public CaptureSource, private CaptureListener {
 public:
  explicit ScreenCastSource(std::unique_ptr<ScreenCast> cast,
                            ScreenCastSourceSettings settings = {});
  ~ScreenCastSource() override { stop(); }

  /// Returns at once. What is wrong goes to the listener: kLost for what time may mend,
  /// on_failure() for the rest. Once a cast was granted, only the user's refusal is final.
  Result<void> start(const CaptureRequest& request, CaptureListener& listener) override;
  void renegotiate(std::vector<FormatOffer> offers) override;
  void pause() override { set_flow(Flow::kPaused); }
  void resume() override { set_flow(Flow::kRunning); }
  void stop() override;
  /// Summed over all casts.
  [[nodiscard]] CaptureStats stats() const override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] bool has_indicator() const override { return cast_->has_indicator(); }

 private:
  /// How a cast went by, and why.
  struct Outcome {
    enum class Next { kAskAgain, kGiveUp, kStopped } next = Next::kAskAgain;
    Error error;
  };

  enum class Flow : std::uint8_t { kRunning, kPaused };
  void set_flow(Flow flow);

  // The thread of the casts.
  void run(const std::stop_token& stop);
  Outcome run_cast(const std::stop_token& stop);
  Outcome refused(const std::stop_token& stop, Error error) const;
  Outcome await_end(const std::stop_token& stop);
  Result<void> start_capture(CastGrant grant);
  void retire_capture();
  void tell_lost(const std::string& reason, const std::string& hint = {});
  Nanoseconds next_delay();

  // From the source of the granted node: its threads.
  void on_frame(CapturedFrame frame) override;
  void on_format(const CaptureFormat& format) override;
  void on_state(CaptureState state, const std::string& reason) override;
  void on_failure(Error error) override;

  const std::unique_ptr<ScreenCast> cast_;
  const ScreenCastSourceSettings settings_;
  CaptureListener* listener_ = nullptr;
  std::atomic<std::uint64_t> frame_id_{0};  // goes on from cast to cast
  std::atomic<std::uint64_t> reconnects_{0};

  // Held while the granted node's source starts, renegotiates or stops; never in its callbacks.
  std::mutex capture_mutex_;
  std::atomic<Flow> flow_ = Flow::kRunning;  // also read where only mutex_ is held
  CaptureRequest request_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::shared_ptr<CaptureSource> capture_;               // of the present cast; null between two
  std::vector<std::shared_ptr<CaptureSource>> retired_;  // whose frames are not all given back yet
  CaptureStats before_;                                  // of casts that are over and done with
  std::uint64_t cast_number_ = 0;     // tells late words of an earlier cast apart
  std::optional<std::string> ended_;  // the present cast's end
  std::optional<Error> failure_;      // the present node's
  std::string grant_;                 // as the compositor describes it
  std::string told_;                  // the last loss, so that it is told once
  bool cursor_beside_ = false;        // the present cast's pictures have no pointer
  bool formatted_ = false;            // the present node
  bool lost_ = false;
  bool streamed_ = false;  // ever

  // The casts' thread only.
  bool granted_ = false;   // ever
  unsigned attempts_ = 0;  // since frames last flowed

  std::jthread thread_;
};

}  // namespace lumen::session
