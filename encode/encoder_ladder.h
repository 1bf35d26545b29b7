// The encoder in use and what takes its place when it fails: the same backend again, since one
// failure may be a passing one, and after a few of them the next in line.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "core/ladder.h"
#include "encode/encoder_registry.h"
#include "encode/video_encoder.h"

namespace lumen {

/// One thread, but for what the encoder's own threads call.
class EncoderLadder {
 public:
  /// A backend that fails so often within the window is given up.
  static constexpr unsigned kStrikes = 3;
  static constexpr Nanoseconds kWindow = std::chrono::seconds{10};

  /// `choice` is a backend's name or "auto".
  EncoderLadder(std::string choice, EncodedFrameCallback callback)
      : choice_(std::move(choice)), callback_(std::move(callback)) {}

  /// Opens the best backend that has not been given up. Errors as open_encoder(); the ladder then
  /// has the reasons.
  Result<void> open(const EncoderSettings& settings, const EncoderDevice& device);
  /// The encoder failed, or its device is gone: closes it, so that open() opens another, or the
  /// same once more. Error: it has failed too often and was asked for by name; `cause` with
  /// context.
  Result<void> failed(const Error& cause, Timestamp when);
  /// Without blame. What is inside is dropped.
  void close() { encoder_.reset(); }

  [[nodiscard]] VideoEncoder* encoder() const { return encoder_.get(); }
  [[nodiscard]] const std::string& backend() const { return backend_; }
  /// Every step so far, taken or with the reason why not.
  [[nodiscard]] const Ladder& steps() const { return steps_; }

 private:
  std::string choice_;
  EncodedFrameCallback callback_;
  std::unique_ptr<VideoEncoder> encoder_;
  std::string backend_;
  Ladder steps_;
  std::deque<Timestamp> failures_;  // of this backend, within the window
};

}  // namespace lumen
