#include "encode/encoder_registry.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/log.h"
#include "encode/ffmpeg/nvenc_backend.h"
#include "encode/nvenc/nvenc_backend.h"
#include "encode/software/software_backend.h"

namespace lumen {
namespace {

constexpr std::array kBackends = {
    EncoderBackend{"nvenc", &nvenc::check, &nvenc::create},
    EncoderBackend{"ffmpeg-nvenc", &ffmpeg::check_nvenc, &ffmpeg::create_nvenc},
    EncoderBackend{"software", &software::check, &software::create},
};

Result<std::unique_ptr<VideoEncoder>> try_backend(const EncoderBackend& backend,
                                                  const EncoderSettings& settings,
                                                  const EncoderDevice& device,
                                                  const EncodedFrameCallback& callback) {
  if (auto usable = backend.check(settings.codec); !usable) {
    return tl::unexpected(std::move(usable.error()));
  }
  auto encoder = backend.create(settings, device, callback);
  if (encoder || !settings.depth_is_wish || settings.bit_depth == 8 ||
      encoder.error().kind != ErrorKind::kUnsupported) {
    return encoder;
  }
  EncoderSettings eight = settings;
  eight.bit_depth = 8;
  auto narrower = backend.create(eight, device, callback);
  if (!narrower) return encoder;
  log::area("encode").info("{}: {}; encoding 8 bits", backend.name, encoder.error().message);
  return narrower;
}

}  // namespace

std::span<const EncoderBackend> encoder_backends() { return kBackends; }

Result<OpenedEncoder> open_encoder(std::string_view choice, const EncoderSettings& settings,
                                   const EncoderDevice& device,
                                   const EncodedFrameCallback& callback, Ladder ladder) {
  OpenedEncoder opened;
  opened.ladder = std::move(ladder);
  Error last;
  last.kind = ErrorKind::kUnsupported;
  last.message = "every backend has failed";
  for (const EncoderBackend& backend : kBackends) {
    if (choice != "auto" && choice != backend.name) continue;
    if (std::ranges::find(opened.ladder, backend.name, &LadderStep::name) != opened.ladder.end()) {
      continue;
    }
    auto encoder = try_backend(backend, settings, device, callback);
    if (encoder) {
      opened.ladder.push_back({std::string(backend.name), true, (*encoder)->stream()->encoder});
      opened.backend = backend.name;
      opened.encoder = std::move(*encoder);
      return opened;
    }
    last = std::move(encoder.error());
    opened.ladder.push_back({std::string(backend.name), false, last.describe()});
    // The settings are wrong everywhere, not just here.
    if (last.kind == ErrorKind::kInvalidArgument) return tl::unexpected(std::move(last));
  }
  if (opened.ladder.empty()) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("there is no encoder \"{}\"", choice),
                "auto, nvenc, ffmpeg-nvenc or software");
  }
  return with_context(fmt::format("no {} encoder can be opened ({})", to_string(settings.codec),
                                  opened.ladder.back().name),
                      std::move(last));
}

}  // namespace lumen
