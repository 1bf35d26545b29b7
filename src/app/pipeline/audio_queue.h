// Sound on its way from a real-time thread to the one that encodes it. Memory is taken once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "capture/audio/audio_source.h"

namespace lumen {

class AudioQueue {
 public:
  AudioQueue();

  /// Copies. What finds the queue full (half a second waits) is lost, and counted.
  void put(const AudioBlock& block);
  /// Waits for a block; false once the queue is closed and empty. One thread.
  bool take(std::vector<float>& samples, Timestamp& time);
  void close();

  [[nodiscard]] std::uint64_t lost() const;  // blocks

 private:
  struct Entry {
    Timestamp time;
    std::size_t floats = 0;
  };

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<float> ring_;
  std::vector<Entry> entries_;  // a ring, too
  std::size_t first_entry_ = 0;
  std::size_t entry_count_ = 0;
  std::size_t read_at_ = 0;
  std::size_t floats_ = 0;
  std::uint64_t lost_ = 0;
  bool closed_ = false;
};

}  // namespace lumen
