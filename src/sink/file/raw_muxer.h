// An Annex B byte stream with nothing around it: .h264 and .hevc files.
#pragma once

#include "sink/file/file_output.h"
#include "sink/file/muxer.h"

namespace lumen {

class RawMuxer final : public Muxer {
 public:
  /// The output must outlive the muxer.
  explicit RawMuxer(FileOutput& output) : output_(output) {}

  Result<void> write(const EncodedFrame& frame,
                     std::span<const std::uint8_t> parameter_sets) override {
    if (auto written = output_.write(parameter_sets); !written) return written;
    return output_.write(frame.data.view());
  }
  Result<void> write(const AudioPacket&) override { return {}; }
  Result<void> finish() override { return {}; }

 private:
  FileOutput& output_;
};

}  // namespace lumen
