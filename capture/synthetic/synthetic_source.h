// A capture source that needs no compositor: the moving test pattern with its frame number as a
// barcode, at an exact rate. For tests, benchmarks and `--source synthetic`.
//
// Frame n (from 0, the number in the barcode) is due at start + frame_offset(rate, n). It is handed
// over on the source's own thread. A frame that finds every buffer leased is not drawn and counts
// as superseded; so do the frames of a stretch in which the thread could not run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "capture/capture_source.h"
#include "capture/synthetic/synthetic_ring.h"
#include "capture/synthetic/synthetic_settings.h"

namespace lumen {

/// start() and stop() belong to one thread, never the listener's calls; the rest is for any thread.
class SyntheticSource final : public CaptureSource {
 public:
  explicit SyntheticSource(SyntheticSettings settings) : settings_(settings) {}
  ~SyntheticSource() override;

  /// Takes the first offer for host memory in a format that the pattern has. The rate is the lower
  /// of the settings' and the request's; the size is always the settings'.
  /// Errors: kUnsupported, no such offer; kInvalidArgument, already started or impossible settings.
  Result<void> start(const CaptureRequest& request, CaptureListener& listener) override;
  void renegotiate(std::vector<FormatOffer> offers) override;
  void pause() override;
  void resume() override;
  void stop() override;

  [[nodiscard]] CaptureStats stats() const override;
  [[nodiscard]] std::string describe() const override;

 private:
  using RingPointer = std::shared_ptr<SyntheticRing>;

  void run(const std::stop_token& stop, CaptureListener& listener, RingPointer ring);
  /// Sleeps; false when stop was asked for.
  bool sleep_until(const std::stop_token& stop, Timestamp due);
  [[nodiscard]] bool paused() const;
  /// Waits while paused; false when stop was asked for.
  bool wait_while_paused(const std::stop_token& stop);
  std::optional<std::vector<FormatOffer>> take_new_offers();
  void adopt(const RingPointer& ring);
  Result<RingPointer> make_ring(const std::vector<FormatOffer>& offers) const;
  [[nodiscard]] CaptureFormat format_of(Fourcc format) const;

  const SyntheticSettings settings_;
  FrameRate rate_;  // in effect; written before the thread starts

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<std::vector<FormatOffer>> new_offers_;  // under mutex_
  std::vector<std::weak_ptr<SyntheticRing>> rings_;     // under mutex_; for counting leases
  bool paused_ = false;                                 // under mutex_

  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<std::uint64_t> superseded_ = 0;
  std::jthread thread_;
};

}  // namespace lumen
