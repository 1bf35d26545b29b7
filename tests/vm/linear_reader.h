// Takes a PipeWire node's LINEAR dmabufs, and nothing else, and reads them with the CPU: what a
// compositor delivers, seen without importer and encoder.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "capture/capture_source.h"
#include "harness/process.h"

namespace lumen::session {

/// Listener of a capture source; reads every frame on the source's thread. Any thread may wait.
class LinearReader final : public CaptureListener {
 public:
  /// The offers that leave a producer no other choice.
  static std::vector<FormatOffer> offers();

  void on_frame(CapturedFrame frame) override;
  void on_format(const CaptureFormat& format) override;
  void on_state(CaptureState state, const std::string& reason) override;
  void on_failure(Error error) override;

  /// Waits until so many different numbers were read.
  bool wait_for(std::size_t different, Milliseconds timeout);

  struct Reading {
    std::vector<std::uint32_t> numbers;  // of frames with a readable barcode, in order
    unsigned unreadable = 0;
    std::set<std::string> memory;     // "DmaBuf LINEAR"
    std::set<std::uint64_t> dmabufs;  // inodes
    double worst_patch = 0;           // of a primary colour, 0…255
    std::string trouble;
  };
  [[nodiscard]] Reading reading() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Reading reading_;
};

}  // namespace lumen::session
