#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "app/probe/sections.h"
#include "encode/encoder_registry.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/cuda/gpu.h"
#include "zerocopy/frame_geometry.h"

namespace lumen::probe {
namespace {

constexpr Extent kSize{1280, 720};
constexpr std::array kCodecs{Codec::kH264, Codec::kHevc, Codec::kAv1};

EncoderSettings settings_of(Codec codec, Chroma chroma, unsigned bit_depth) {
  EncoderSettings settings;
  settings.codec = codec;
  settings.size = kSize;
  settings.chroma = chroma;
  settings.bit_depth = bit_depth;
  return settings;
}

Result<Frame> grey_picture(Fourcc format) {
  auto pool = cpu::ImagePool::create(is_packed_rgb(format) ? Fourcc::kNV12 : format, kSize, 1);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  auto image = (*pool)->acquire();
  if (!image) return tl::unexpected(std::move(image.error()));
  for (unsigned plane = 0; plane < plane_count(image->format); ++plane) {
    const PlaneExtent extent = plane_extent(image->format, kSize, plane);
    std::memset(image->planes[plane], 0x80,
                std::size_t{image->pitches[plane].bytes} * (extent.rows - 1) + extent.row_bytes);
  }
  return Frame{.payload = std::move(*image), .size = kSize};
}

/// Opens the encoder and lets it encode a picture: what opens need not work.
Result<std::unique_ptr<VideoEncoder>> try_out(const EncoderBackend& backend,
                                              const EncoderSettings& settings,
                                              const EncoderDevice& device) {
  auto came = std::make_shared<std::atomic<unsigned>>(0);
  auto encoder = backend.create(settings, device, [came](const EncodedFrame& frame) {
    if (frame.key && frame.last) ++*came;
  });
  if (!encoder) return encoder;
  auto frame = grey_picture((*encoder)->input().format);
  if (!frame) return tl::unexpected(std::move(frame.error()));
  const Timestamp pts{std::chrono::seconds{1}};
  auto done = (*encoder)->encode(*frame, pts, EncodeRequest::key_frame()).and_then([&] {
    return (*encoder)->flush();
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  if (*came != 1) return fail(ErrorKind::kUnsupported, "it opens, but encodes nothing");
  return encoder;
}

std::string format_name(Chroma chroma, unsigned bit_depth) {
  return fmt::format("{} {} bit", chroma == Chroma::k444 ? "4:4:4" : "4:2:0", bit_depth);
}

Json formats_of(const EncoderBackend& backend, Codec codec, const EncoderDevice& device) {
  Json formats = Json::array({format_name(Chroma::k420, 8)});
  for (const auto& [chroma, depth] :
       {std::pair{Chroma::k420, 10U}, {Chroma::k444, 8U}, {Chroma::k444, 10U}}) {
    if (try_out(backend, settings_of(codec, chroma, depth), device)) {
      formats.push_back(format_name(chroma, depth));
    }
  }
  return formats;
}

Json describe(const VideoEncoder& encoder) {
  const EncoderCapabilities caps = encoder.capabilities();
  Json recovery = Json::array();
  if (caps.invalidation) recovery.push_back("invalidation");
  if (caps.intra_refresh) recovery.push_back("intra-refresh");
  recovery.push_back("key-frame");
  return {
      {"ok", true},
      {"encoder", encoder.stream()->encoder},
      {"reads", encoder.input().memory == FrameMemory::kCuda ? "GPU memory" : "host memory"},
      {"recovery", std::move(recovery)},
      {"change_bitrate", caps.change_bitrate},
      {"change_size", caps.change_size},
      {"damage", caps.damage},
      {"largest", caps.largest.empty() ? Json(nullptr)
                                       : Json::array({caps.largest.width, caps.largest.height})}};
}

}  // namespace

Json ask_encoder(std::string_view name) {
  const auto colon = name.find(':');
  const std::string_view codec_name = colon == std::string_view::npos ? "" : name.substr(colon + 1);
  const auto backend =
      std::ranges::find(encoder_backends(), name.substr(0, colon), &EncoderBackend::name);
  const auto codec =
      std::ranges::find_if(kCodecs, [&](Codec one) { return to_string(one) == codec_name; });
  if (backend == encoder_backends().end() || codec == kCodecs.end()) {
    return {{"ok", false}, {"reason", "no such encoder"}};
  }
  if (auto usable = backend->check(*codec); !usable) return failed(usable.error());
  const EncoderDevice device{.gpu = std::make_shared<cuda::Gpu>()};
  auto encoder = try_out(*backend, settings_of(*codec, Chroma::k420, 8), device);
  if (!encoder) return failed(encoder.error());
  Json answer = describe(**encoder);
  encoder->reset();
  // What is made ready only where it is asked for.
  EncoderSettings sliced = settings_of(*codec, Chroma::k420, 8);
  sliced.slices = 4;
  sliced.sub_frame = true;
  auto slices = try_out(*backend, sliced, device);
  answer["sub_frame"] = slices && (*slices)->capabilities().sub_frame;
  if (slices) slices->reset();
  EncoderSettings waves = settings_of(*codec, Chroma::k420, 8);
  waves.recovery = Recovery::kIntraRefresh;
  if (auto refreshing = try_out(*backend, waves, device);
      refreshing && (*refreshing)->capabilities().intra_refresh &&
      std::ranges::find(answer["recovery"], "intra-refresh") == answer["recovery"].end()) {
    answer["recovery"].insert(answer["recovery"].end() - 1, "intra-refresh");
  }
  answer["formats"] = formats_of(*backend, *codec, device);
  return answer;
}

}  // namespace lumen::probe
