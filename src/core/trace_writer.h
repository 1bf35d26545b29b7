// Writes what happened to each frame as a Chrome trace (the "JSON array format", which Perfetto and
// chrome://tracing open): one track per stage and sink, one complete ("X") event per frame.
//
// The format lets the closing bracket be missing, so a killed process leaves a readable file:
// events reach the file at least twice a second. Calls only append to a bounded buffer; a thread of
// the writer's own does the I/O, so a slow disk costs events (counted), never frames. An error such
// as a full disk turns the trace off with one warning and leaves whole events behind. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/frame_times.h"

namespace lumen {

struct TraceArgument {
  std::string_view key;
  std::int64_t value = 0;
};

/// One horizontal line of the trace.
struct TraceTrack {
  std::uint32_t id = 0;  // the event's tid
};

class TraceWriter {
 public:
  /// Creates or truncates the file. Fails with kIo.
  static Result<std::unique_ptr<TraceWriter>> create(const std::filesystem::path& path);
  ~TraceWriter();  // writes the rest and the closing bracket
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// The track of that name; made at first use.
  TraceTrack track(std::string_view name);

  /// An event named after the frame. Viewers need the events of a track to follow one another:
  /// where this one begins before the track's last one ended, it is drawn from there on, and the
  /// argument "us" says how long it really took.
  void complete(TraceTrack track, std::uint64_t frame_id, Timestamp begin, Timestamp end,
                std::span<const TraceArgument> arguments = {});

  /// The stages up to the encoder; once per frame, when it is encoded.
  void add_picture(const FrameTimes& times, std::uint64_t encoded_bytes);
  /// Queue and sending; once per frame and sink, when it is sent.
  void add_delivery(std::string_view sink, const FrameTimes& times);

  /// Events that the buffer had no room for or that came after an error.
  [[nodiscard]] std::uint64_t dropped() const;
  /// False after an I/O error.
  [[nodiscard]] bool active() const;

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, CloseFile>;
  static constexpr std::size_t kBufferBytes = 1U << 20;  // some 6000 events

  TraceWriter(std::filesystem::path path, File file);
  void add_stage(std::string_view track_name, const FrameTimes& times, Stage from, Stage to,
                 std::span<const TraceArgument> arguments);
  TraceTrack track_locked(std::string_view name);
  bool append_locked(std::string_view event);
  void run(const std::stop_token& stop);
  bool write_out(std::string_view text);
  void turn_off(int error);

  const std::filesystem::path path_;
  File file_;                         // writer thread only, once it runs
  std::uintmax_t bytes_on_disk_ = 0;  // writer thread only

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string pending_;
  std::map<std::string, TraceTrack, std::less<>> tracks_;
  std::vector<Timestamp> track_ends_;  // by track id - 1
  std::uint64_t dropped_ = 0;
  bool active_ = true;
  std::jthread thread_;  // last: joined before the rest goes away
};

}  // namespace lumen
