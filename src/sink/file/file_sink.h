// Records to a file, a pipe or standard output.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sink/file/file_output.h"
#include "sink/file/file_settings.h"
#include "sink/file/muxer.h"
#include "sink/sink.h"

namespace lumen {

/// After an error nothing more is written, so that what was recorded stays playable; close() then
/// returns no second error.
class FileSink final : public Sink {
 public:
  /// Finds out whether the file can be written. An old recording there is replaced at open(), not
  /// yet here.
  static Result<std::unique_ptr<FileSink>> create(FileSettings settings);

  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override;

  void expect_audio(const AudioParameters& audio) override { audio_ = audio; }
  /// kInvalidArgument where the container can't hold the codec.
  Result<void> open(const StreamParameters& stream) override;
  /// A stream object with another codec or size: kUnsupported.
  Result<void> write(const EncodedFrame& frame, FrameTimes& times) override;
  Result<void> write_audio(const AudioPacket& packet) override;
  Result<void> close() override;
  [[nodiscard]] bool needs_periodic_key_frames() const override { return true; }
  /// A recording keeps the last picture while the session is away, and has none before it is there.
  [[nodiscard]] bool shows_waiting_picture() const override { return false; }
  [[nodiscard]] SinkStats stats() const override;
  [[nodiscard]] std::string describe() const override;

 private:
  FileSink(FileSettings settings, Container container, std::unique_ptr<FileOutput> output)
      : settings_(std::move(settings)), container_(container), output_(std::move(output)) {}

  /// Follows the frame's stream object; false result where this file can't go on with it.
  Result<void> adopt(const std::shared_ptr<const StreamParameters>& stream);

  FileSettings settings_;
  Container container_;
  std::unique_ptr<FileOutput> output_;
  std::unique_ptr<Muxer> muxer_;  // none before open(), after an error and after close()

  std::optional<AudioParameters> audio_;  // none: no track for sound
  Codec codec_ = Codec::kH264;
  Extent size_;
  std::vector<std::uint8_t> header_sets_;   // parameter sets in the container's header
  std::vector<std::uint8_t> current_sets_;  // of the latest frame's stream
  std::shared_ptr<const StreamParameters> stream_;
  std::atomic<std::uint64_t> frames_{0};
};

}  // namespace lumen
