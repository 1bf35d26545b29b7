#include "app/pipeline/audio_queue.h"

#include <algorithm>

namespace lumen {
namespace {

constexpr std::size_t kFloats = std::size_t{kAudioRate} / 2 * kAudioChannels;
constexpr std::size_t kEntries = 1024;  // blocks of 24 samples

}  // namespace

AudioQueue::AudioQueue() : ring_(kFloats), entries_(kEntries) {}

void AudioQueue::put(const AudioBlock& block) {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    const std::size_t count = block.samples.size();
    if (entry_count_ == entries_.size() || count > ring_.size() - floats_) {
      ++lost_;
      return;
    }
    entries_[(first_entry_ + entry_count_++) % entries_.size()] = {block.time, count};
    const std::size_t at = (read_at_ + floats_) % ring_.size();
    const std::size_t before_end = std::min(count, ring_.size() - at);
    std::copy_n(block.samples.begin(), before_end, ring_.begin() + static_cast<std::ptrdiff_t>(at));
    std::copy(block.samples.begin() + static_cast<std::ptrdiff_t>(before_end), block.samples.end(),
              ring_.begin());
    floats_ += count;
  }
  wake_.notify_one();
}

bool AudioQueue::take(std::vector<float>& samples, Timestamp& time) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return closed_ || entry_count_ > 0; });
  if (entry_count_ == 0) return false;
  const Entry entry = entries_[first_entry_];
  first_entry_ = (first_entry_ + 1) % entries_.size();
  --entry_count_;
  samples.resize(entry.floats);
  for (float& sample : samples) {
    sample = ring_[read_at_];
    read_at_ = (read_at_ + 1) % ring_.size();
  }
  floats_ -= entry.floats;
  time = entry.time;
  return true;
}

void AudioQueue::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
}

std::uint64_t AudioQueue::lost() const {
  const std::scoped_lock lock(mutex_);
  return lost_;
}

}  // namespace lumen
