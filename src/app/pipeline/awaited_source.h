// A source that is looked for until there is one, and is that one from then on.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "capture/capture_source.h"
#include "core/time.h"

namespace lumen {

class AwaitedSource final : public CaptureSource {
 public:
  /// Looks around; kNotFound, kDeviceLost and kRetry: not yet. On a thread of the source's own.
  using Find = std::function<Result<std::unique_ptr<CaptureSource>>()>;

  explicit AwaitedSource(Find find, Nanoseconds interval = std::chrono::seconds(1));
  ~AwaitedSource() override { stop(); }

  /// Returns at once; kLost with the reason tells the listener that there is nothing yet.
  Result<void> start(const CaptureRequest& request, CaptureListener& listener) override;
  void renegotiate(std::vector<FormatOffer> offers) override;
  void pause() override;
  void resume() override;
  /// Waits for a look around that has begun.
  void stop() override;
  [[nodiscard]] CaptureStats stats() const override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] bool has_indicator() const override;

 private:
  void run(const std::stop_token& stop);
  Result<void> try_once();
  [[nodiscard]] std::shared_ptr<CaptureSource> source() const;

  const Find find_;
  const Nanoseconds interval_;
  CaptureListener* listener_ = nullptr;

  // Held while what was found starts, stops or changes; never in its callbacks.
  std::mutex source_mutex_;
  CaptureRequest request_;
  bool started_ = false;  // what was found
  bool paused_ = false;

  mutable std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::shared_ptr<CaptureSource> source_;  // once found

  std::jthread thread_;
};

}  // namespace lumen
