#include "core/trace_writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen {
namespace {

constexpr std::chrono::milliseconds kFlushInterval{500};

// JSON string contents: RFC 8259 section 7.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(result), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result;
}

// The trace format counts in microseconds and takes fractions. `time` is never negative.
std::string microseconds(Nanoseconds time) {
  return fmt::format("{}.{:03}", time.count() / 1000, time.count() % 1000);
}

}  // namespace

Result<std::unique_ptr<TraceWriter>> TraceWriter::create(const std::filesystem::path& path) {
  File file(std::fopen(path.string().c_str(), "wb"));
  if (!file) {
    return fail_errno(ErrorKind::kIo, "trace file " + path.string(), errno,
                      "name a file in a directory that exists and can be written");
  }
  return std::unique_ptr<TraceWriter>(new TraceWriter(path, std::move(file)));
}

TraceWriter::TraceWriter(std::filesystem::path path, File file)
    : path_(std::move(path)), file_(std::move(file)) {
  pending_.reserve(kBufferBytes);
  pending_ = R"([{"ph":"M","name":"process_name","pid":1,"args":{"name":"lumen-host"}})";
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

TraceWriter::~TraceWriter() {
  thread_.request_stop();
  thread_.join();
  if (active_ && dropped_ > 0) {
    log::area("trace").warn("{}: {} events are missing, the disk was too slow", path_.string(),
                            dropped_);
  }
}

TraceTrack TraceWriter::track(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  return track_locked(name);
}

TraceTrack TraceWriter::track_locked(std::string_view name) {
  if (const auto found = tracks_.find(name); found != tracks_.end()) return found->second;
  const TraceTrack made{static_cast<std::uint32_t>(tracks_.size()) + 1};
  // A name that does not fit now is tried again with the track's next event.
  const std::string event = fmt::format(
      ",\n"
      R"({{"ph":"M","name":"thread_name","pid":1,"tid":{0},"args":{{"name":"{1}"}}}})"
      ",\n"
      R"({{"ph":"M","name":"thread_sort_index","pid":1,"tid":{0},"args":{{"sort_index":{0}}}}})",
      made.id, escaped(name));
  if (!append_locked(event)) return {};
  tracks_.emplace(name, made);
  track_ends_.push_back(kNoTimestamp);
  return made;
}

bool TraceWriter::append_locked(std::string_view event) {
  if (!active_ || pending_.size() + event.size() > kBufferBytes) {
    ++dropped_;
    return false;
  }
  const bool first = pending_.empty();
  pending_ += event;
  if (first || pending_.size() > kBufferBytes / 2) wake_.notify_one();
  return true;
}

void TraceWriter::complete(TraceTrack track, std::uint64_t frame_id, Timestamp begin, Timestamp end,
                           std::span<const TraceArgument> arguments) {
  const Nanoseconds took = std::max(end - begin, Nanoseconds{0});
  std::string extra;
  for (const TraceArgument& argument : arguments) {
    fmt::format_to(std::back_inserter(extra), R"(,"{}":{})", escaped(argument.key), argument.value);
  }
  const std::scoped_lock lock(mutex_);
  if (track.id == 0 || track.id > track_ends_.size()) {
    ++dropped_;
    return;
  }
  Timestamp& last_end = track_ends_[track.id - 1];
  const Timestamp from = std::max({begin, last_end, Timestamp{}});
  const Timestamp to = std::max(begin + took, from);
  const bool kept =
      append_locked(fmt::format(",\n"
                                R"({{"ph":"X","name":"frame {}","pid":1,"tid":{},"ts":{},"dur":{},)"
                                R"("args":{{"frame":{},"us":{}{}}}}})",
                                frame_id, track.id, microseconds(from.time_since_epoch()),
                                microseconds(to - from), frame_id, microseconds(took), extra));
  if (kept) last_end = to;
}

void TraceWriter::add_stage(std::string_view track_name, const FrameTimes& times, Stage from,
                            Stage to, std::span<const TraceArgument> arguments) {
  if (!times.has(from) || !times.has(to)) return;
  complete(track(track_name), times.id, times[from], times[to], arguments);
}

void TraceWriter::add_picture(const FrameTimes& times, std::uint64_t encoded_bytes) {
  const TraceArgument bytes{"bytes", static_cast<std::int64_t>(encoded_bytes)};
  add_stage("source", times, Stage::kProduced, Stage::kDequeued, {});
  add_stage("wait", times, Stage::kDequeued, Stage::kConvertBegin, {});
  add_stage("convert", times, Stage::kConvertBegin, Stage::kConverted, {});
  add_stage("encode", times, Stage::kSubmitted, Stage::kEncoded, {&bytes, 1});
}

void TraceWriter::add_delivery(std::string_view sink, const FrameTimes& times) {
  add_stage(fmt::format("queue {}", sink), times, Stage::kEncoded, Stage::kSendBegin, {});
  add_stage(fmt::format("send {}", sink), times, Stage::kSendBegin, Stage::kSent, {});
}

std::uint64_t TraceWriter::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_;
}

bool TraceWriter::active() const {
  const std::scoped_lock lock(mutex_);
  return active_;
}

void TraceWriter::run(const std::stop_token& stop) {
  std::string text;
  text.reserve(kBufferBytes);
  bool good = true;
  while (good && !stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, stop, [this] { return !pending_.empty(); });
      wake_.wait_for(lock, stop, kFlushInterval,
                     [this] { return pending_.size() > kBufferBytes / 2; });
      text.clear();
      std::swap(text, pending_);
    }
    good = write_out(text);
  }
  if (!good) return;
  {
    const std::scoped_lock lock(mutex_);
    text.clear();
    std::swap(text, pending_);
  }
  text += "\n]\n";
  write_out(text);
}

bool TraceWriter::write_out(std::string_view text) {
  if (text.empty()) return true;
  errno = 0;
  const bool good = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size() &&
                    std::fflush(file_.get()) == 0;
  if (good) {
    bytes_on_disk_ += text.size();
    return true;
  }
  turn_off(errno);
  return false;
}

void TraceWriter::turn_off(int error) {
  file_.reset();
  // Cut off the half-written events; a device or pipe can't be cut and needn't be.
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path_, ignored)) {
    std::filesystem::resize_file(path_, bytes_on_disk_, ignored);
  }
  {
    const std::scoped_lock lock(mutex_);
    active_ = false;
    pending_.clear();
  }
  log::area("trace").warn("{}: {}; the trace ends here, the stream goes on", path_.string(),
                          std::generic_category().message(error));
}

}  // namespace lumen
