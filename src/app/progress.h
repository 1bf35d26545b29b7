// What a stream tells while it runs: a line that is rewritten on a terminal, a log line now and
// then elsewhere, or one JSON object a second on standard output.
#pragma once

#include "app/options/stream_options.h"
#include "app/status/stream_status.h"

namespace lumen {

/// Main thread. Nothing goes to standard output when a sink writes there.
class Progress {
 public:
  explicit Progress(const StreamOptions& options);

  void show(const StreamStatus& status);
  /// A program reads each second's.
  [[nodiscard]] bool every_second() const { return mode_ == Mode::kJson; }
  void finish(const StreamStatus& status);

 private:
  enum class Mode { kSilent, kRewrittenLine, kLogLines, kJson };

  Mode mode_;
  std::FILE* json_to_;
  Timestamp next_log_line_ = kNoTimestamp;
};

}  // namespace lumen
