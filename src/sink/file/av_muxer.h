// MP4 and Matroska through libavformat, written to a FileOutput.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sink/file/file_output.h"
#include "sink/file/file_settings.h"
#include "sink/file/muxer.h"

struct AVFormatContext;
struct AVIOContext;
struct AVPacket;
struct AVStream;

namespace lumen {

/// MP4 is fragmented (one fragment per key frame and at least one a second), so that a crash loses
/// no more than the last one; its time base is 1/90000 s. Matroska's is one millisecond. Times
/// count from the first frame; sound from before it is left out. Gaps in the sound stay gaps.
class AvMuxer final : public Muxer {
 public:
  /// Writes the header, with a track of Opus where there will be sound. `parameter_sets` are those
  /// that go into it; the output must outlive the muxer.
  static Result<std::unique_ptr<AvMuxer>> create(Container container,
                                                 const StreamParameters& stream,
                                                 std::span<const std::uint8_t> parameter_sets,
                                                 const std::optional<AudioParameters>& audio,
                                                 FileOutput& output);

  Result<void> write(const EncodedFrame& frame,
                     std::span<const std::uint8_t> parameter_sets) override;
  Result<void> write(const AudioPacket& packet) override;
  Result<void> finish() override;

 private:
  struct FreeIo {
    void operator()(AVIOContext* io) const;
  };
  struct FreeFormat {
    void operator()(AVFormatContext* format) const;
  };
  struct FreePacket {
    void operator()(AVPacket* packet) const;
  };

  explicit AvMuxer(FileOutput& output) : output_(output) {}
  Result<void> open_io();
  Result<void> add_stream(Container container, const StreamParameters& stream,
                          std::span<const std::uint8_t> parameter_sets);
  Result<void> add_audio(const AudioParameters& audio);
  Result<void> write_header(Container container);
  /// Writes packet_ and empties it.
  Result<void> write_packet(const char* what);
  /// The output's own error where it has one: libavformat's codes lose the reason.
  tl::unexpected<Error> failed(const char* what, int code) const;

  FileOutput& output_;
  std::unique_ptr<AVIOContext, FreeIo> io_;
  std::unique_ptr<AVFormatContext, FreeFormat> format_;  // freed before io_, which it points at
  std::unique_ptr<AVPacket, FreePacket> packet_;
  AVStream* stream_ = nullptr;  // format_'s
  AVStream* audio_ = nullptr;   // format_'s; null: no sound
  Timestamp first_pts_ = kNoTimestamp;
  std::int64_t last_ticks_ = -1;
  std::int64_t frame_ticks_ = 0;  // nominal duration
  std::int64_t last_audio_ticks_ = -1;
  /// libavformat moves what begins later in a fragmented MP4 to the start.
  bool tracks_begin_at_zero_ = false;
};

}  // namespace lumen
