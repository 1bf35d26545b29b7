#include "streams.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace lumen::sim {
namespace {

thread_local bool inside_host_function = false;

}  // namespace

bool Stream::uses(const void* object) const {
  const auto is_it = [object](const auto& used) { return used.get() == object; };
  return std::ranges::any_of(in_use, is_it) || std::ranges::any_of(queue, [&](const Op& op) {
           return std::ranges::any_of(op.uses, is_it);
         });
}

Streams::Streams(std::mutex& mutex) : mutex_(mutex) {
  configure_from_environment();
  drain_ = std::thread([this] { drain(); });
}

void Streams::stop() {
  if (!drain_.joinable()) return;
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  submitted_.notify_all();
  drain_.join();
}

void Streams::configure_from_environment() {
  mode_ = Mode::kLazy;
  idle_ = kIdle;
  if (const char* mode = std::getenv("LUMEN_SIM_CUDA_MODE"); mode != nullptr && !set_mode(mode)) {
    std::abort();
  }
  if (const char* idle = std::getenv("LUMEN_SIM_CUDA_IDLE_MS"); idle != nullptr) {
    idle_ = std::chrono::milliseconds(std::strtol(idle, nullptr, 10));
  }
}

bool Streams::set_mode(std::string_view name) {
  if (name == "lazy") {
    mode_ = Mode::kLazy;
  } else if (name == "immediate") {
    mode_ = Mode::kImmediate;
  } else if (name == "thread") {
    mode_ = Mode::kThread;
  } else if (name == "reversed") {
    mode_ = Mode::kReversed;
  } else {
    return false;
  }
  submitted_.notify_all();
  return true;
}

bool Streams::in_host_function() { return inside_host_function; }

std::shared_ptr<Stream> Streams::add(CUcontext context, bool legacy, bool waits_for_legacy) {
  auto stream = std::make_shared<Stream>();
  stream->context = context;
  stream->legacy = legacy;
  stream->waits_for_legacy = waits_for_legacy;
  streams_.push_back(stream);
  return stream;
}

void Streams::submit(Lock& lock, const std::shared_ptr<Stream>& stream, Op op) {
  const auto queue_op = [](Stream& to, Op&& one) {
    one.mark = ++to.submitted;
    one.since = Clock::now();
    to.queue.push_back(std::move(one));
  };
  // The default stream waits for all blocking streams, and they for it (CUDA driver API, "Stream
  // synchronization behavior").
  if (stream->waits_for_legacy) {
    for (const auto& other : streams_) {
      if (other == stream || other->context != stream->context || other->idle()) continue;
      if (!other->waits_for_legacy || (!stream->legacy && !other->legacy)) continue;
      Op wait;
      wait.after = other;
      wait.after_mark = other->submitted;
      queue_op(*stream, std::move(wait));
    }
  }
  const bool is_host_function = op.host_function != nullptr;
  queue_op(*stream, std::move(op));
  if (mode_ == Mode::kImmediate && !is_host_function) {
    const bool host_function_queued =
        stream->busy || std::ranges::any_of(stream->queue, [](const Op& one) {
          return one.host_function != nullptr;
        });
    // The caller may hold what the host function takes: that runs elsewhere.
    if (!host_function_queued) run(lock, stream, stream->submitted);
  }
  submitted_.notify_all();
}

void Streams::run(Lock& lock, const std::shared_ptr<Stream>& stream, std::uint64_t mark) {
  while (stream->completed < mark) {
    if (stream->busy) {
      changed_.wait(lock);
    } else {
      step(lock, *stream);
    }
  }
}

// Waits only ever point at earlier work, so this ends.
void Streams::step(Lock& lock, Stream& stream) {
  Op op = std::move(stream.queue.front());
  stream.queue.pop_front();
  stream.busy = true;
  stream.in_use = op.uses;
  if (op.after != nullptr) run(lock, op.after, op.after_mark);
  if (op.work) op.work();
  if (op.host_function) {
    lock.unlock();
    inside_host_function = true;
    op.host_function();
    inside_host_function = false;
    lock.lock();
  }
  stream.in_use.clear();
  stream.busy = false;
  stream.completed = std::max(stream.completed, op.mark);
  changed_.notify_all();
}

void Streams::synchronize(Lock& lock, std::shared_ptr<Stream> stream, std::uint64_t mark) {
  if (mode_ == Mode::kReversed && stream->completed < mark) {
    const auto all = streams_;
    for (auto other = all.rbegin(); other != all.rend(); ++other) {
      if (*other != stream) run(lock, *other, (*other)->submitted);
    }
  }
  run(lock, stream, mark);
}

void Streams::progress(Lock& lock, std::shared_ptr<Stream> stream) {
  if (!stream->busy && !stream->queue.empty()) run(lock, stream, stream->queue.front().mark);
}

std::vector<std::shared_ptr<Stream>> Streams::users_of(const void* object) const {
  std::vector<std::shared_ptr<Stream>> users;
  std::ranges::copy_if(streams_, std::back_inserter(users),
                       [&](const auto& stream) { return stream->uses(object); });
  return users;
}

void Streams::finish_users_of(Lock& lock, const void* object) {
  for (const auto& stream : users_of(object)) run(lock, stream, stream->submitted);
}

void Streams::run_all(Lock& lock, CUcontext context) {
  const auto all = streams_;
  for (const auto& stream : all) {
    if (stream->context == context) run(lock, stream, stream->submitted);
  }
}

void Streams::abandon(CUcontext context) {
  for (const auto& stream : streams_) {
    if (stream->context != context) continue;
    stream->queue.clear();
    stream->completed = stream->submitted;
  }
  changed_.notify_all();
}

void Streams::forget_finished() {
  std::erase_if(streams_, [](const auto& stream) {
    return stream->idle() && !stream->busy && stream.use_count() == 1;
  });
}

void Streams::forget(CUcontext context) {
  std::erase_if(streams_, [&](const auto& stream) { return stream->context == context; });
}

void Streams::drain() {
  Lock lock(mutex_);
  while (!stop_) {
    const bool soon = mode_ == Mode::kImmediate || mode_ == Mode::kThread;
    const auto old_enough = Clock::now() - (soon ? std::chrono::milliseconds(0) : idle_);
    for (const auto all = streams_; const auto& stream : all) {
      // Oldest first: a stream that is fed all the time drains too.
      while (!stop_ && !stream->busy && !stream->queue.empty() &&
             stream->queue.front().since <= old_enough) {
        step(lock, *stream);
      }
    }
    forget_finished();
    if (stop_) return;
    // Looked at last: while a host function ran, others may have submitted, to new streams too.
    if (std::ranges::any_of(streams_, [](const auto& one) { return !one->queue.empty(); })) {
      submitted_.wait_for(lock, std::chrono::milliseconds(soon ? 1 : 5));
    } else {
      submitted_.wait(lock);
    }
  }
}

}  // namespace lumen::sim
