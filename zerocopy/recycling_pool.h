// Blocks of memory that are used again and again: no allocation per frame.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/error.h"

namespace lumen {

/// Counted in blocks.
struct PoolStatus {
  unsigned allocated = 0;  // exist, out or not
  unsigned in_use = 0;     // out: with the encoder, or on the way there
  unsigned limit = 0;      // never more than this
};

/// A bounded set of `Block`s (move-only owners of memory), shared by a pool and what it has given
/// out: blocks come back on any thread and may outlive the pool; they are then destroyed instead.
template <typename Block>
class RecyclingPool {
 public:
  explicit RecyclingPool(unsigned limit) : limit_(limit) {
    free_.reserve(limit);  // so that give_back() can't fail
  }

  /// A used block, or one that `make()` makes. Errors: kRetry, all are out; make()'s own.
  template <typename Make>
  Result<Block> take(Make&& make) {
    const std::scoped_lock lock(mutex_);
    if (!free_.empty()) {
      Block block = std::move(free_.back());
      free_.pop_back();
      return block;
    }
    if (made_ == limit_) return fail(ErrorKind::kRetry, "all frames of the pool are in use");
    Result<Block> block = make();
    if (block) ++made_;
    return block;
  }

  void give_back(Block block) noexcept {
    const std::scoped_lock lock(mutex_);
    if (!closed_) free_.push_back(std::move(block));
  }

  /// The pool is gone: what comes back from now on is destroyed.
  void close() {
    std::vector<Block> unused;
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
      unused.swap(free_);
    }
  }

  [[nodiscard]] PoolStatus status() const {
    const std::scoped_lock lock(mutex_);
    return {
        .allocated = made_, .in_use = made_ - static_cast<unsigned>(free_.size()), .limit = limit_};
  }

 private:
  const unsigned limit_;
  mutable std::mutex mutex_;
  std::vector<Block> free_;
  unsigned made_ = 0;
  bool closed_ = false;
};

}  // namespace lumen
