// The encoder backends in ladder order, and the choice among them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/ladder.h"
#include "encode/video_encoder.h"

namespace lumen {

struct EncoderBackend {
  std::string_view name;
  /// Cheap: looks for libraries and codecs, opens nothing.
  Result<void> (*check)(Codec codec);
  Result<std::unique_ptr<VideoEncoder>> (*create)(const EncoderSettings& settings,
                                                  const EncoderDevice& device,
                                                  EncodedFrameCallback callback);
};

/// Best first.
std::span<const EncoderBackend> encoder_backends();

struct OpenedEncoder {
  std::unique_ptr<VideoEncoder> encoder;
  std::string backend;
  Ladder ladder;
};

/// Opens the first backend that works; `choice` is a backend's name or "auto". A named backend is
/// that or an error. Steps already in `ladder` with a reason (backends that failed while running)
/// are passed over and kept. kUnsupported where nothing opens.
Result<OpenedEncoder> open_encoder(std::string_view choice, const EncoderSettings& settings,
                                   const EncoderDevice& device,
                                   const EncodedFrameCallback& callback, Ladder ladder = {});

}  // namespace lumen
