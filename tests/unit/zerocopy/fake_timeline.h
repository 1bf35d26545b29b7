// A stand-in for a DRM timeline: says what it is told to, and notes what it was asked.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "capture/captured_frame.h"
#include "platform/linux/drm_syncobj.h"

namespace lumen::test {

class FakeTimeline final : public SyncTimeline {
 public:
  explicit FakeTimeline(std::vector<std::string>& calls) : calls_(calls) {}

  Result<void> wait(std::uint64_t point, Timestamp deadline) override {
    calls_.push_back("wait " + std::to_string(point));
    patience = deadline - now();
    if (signalled) return {};
    return fail_errno(ErrorKind::kRetry, "wait", 62);  // ETIME
  }
  Result<UniqueFd> export_sync_file(std::uint64_t point, Timestamp deadline) override {
    calls_.push_back("export " + std::to_string(point));
    patience = deadline - now();
    if (!fence) return fail(ErrorKind::kIo, "no such point");
    return std::move(fence);
  }
  Result<void> signal(std::uint64_t) override {
    return fail(ErrorKind::kInvalidArgument, "a reader signals no acquire point");
  }

  bool signalled = false;
  UniqueFd fence;  // for the next export
  Nanoseconds patience{0};

 private:
  std::vector<std::string>& calls_;
};

}  // namespace lumen::test
