#include "capture/pipewire/video_format.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include <spa/param/format-utils.h>
#include <spa/param/video/format-utils.h>
#include <spa/pod/builder.h>

namespace lumen::pipewire {
namespace {

struct Row {
  Fourcc fourcc;
  spa_video_format spa;
};
constexpr std::array kFormats = {
    Row{Fourcc::kBGRx, SPA_VIDEO_FORMAT_BGRx},
    Row{Fourcc::kBGRA, SPA_VIDEO_FORMAT_BGRA},
    Row{Fourcc::kRGBx, SPA_VIDEO_FORMAT_RGBx},
    Row{Fourcc::kRGBA, SPA_VIDEO_FORMAT_RGBA},
    Row{Fourcc::kNV12, SPA_VIDEO_FORMAT_NV12},
    Row{Fourcc::kI420, SPA_VIDEO_FORMAT_I420},
    Row{Fourcc::kP010, SPA_VIDEO_FORMAT_P010_10LE},
    // raw.h names the colours of a word from its top, as DRM does.
    Row{Fourcc::kXR30, SPA_VIDEO_FORMAT_xRGB_210LE},
    Row{Fourcc::kAR30, SPA_VIDEO_FORMAT_ARGB_210LE},
    Row{Fourcc::kXB30, SPA_VIDEO_FORMAT_xBGR_210LE},
    Row{Fourcc::kAB30, SPA_VIDEO_FORMAT_ABGR_210LE},
};

// Producers fix the rate themselves; this only keeps the intersection from being empty.
constexpr std::uint32_t kMaxOfferedRate = 1000;

// gamescope's own keys of a Format object (src/pipewire_gamescope.hpp).
constexpr std::uint32_t kGamescopeRequestedSize = 0x70000;
constexpr std::uint32_t kGamescopeFocusApp = 0x70001;

void add_size(spa_pod_builder* b, Extent preferred, SizeWish how) {
  const spa_rectangle wish{preferred.width, preferred.height};
  const spa_rectangle least{1, 1};
  const spa_rectangle most{kMaxSide, kMaxSide};
  spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_size, 0);
  if (how == SizeWish::kExactly) {
    // Mutter's default comes first in the intersection of two ranges.
    spa_pod_builder_rectangle(b, wish.width, wish.height);
    return;
  }
  spa_pod_frame choice;
  spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Range, 0);
  spa_pod_builder_rectangle(b, wish.width, wish.height);
  spa_pod_builder_rectangle(b, least.width, least.height);
  spa_pod_builder_rectangle(b, most.width, most.height);
  spa_pod_builder_pop(b, &choice);
}

void add_rate(spa_pod_builder* b, std::uint32_t key, FrameRate wish, std::uint32_t least,
              FrameRate most) {
  spa_pod_builder_prop(b, key, 0);
  spa_pod_frame choice;
  spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Range, 0);
  spa_pod_builder_fraction(b, wish.num, wish.den);
  spa_pod_builder_fraction(b, least, 1);
  spa_pod_builder_fraction(b, most.num, most.den);
  spa_pod_builder_pop(b, &choice);
}

void add_modifiers(spa_pod_builder* b, const std::vector<Modifier>& modifiers) {
  spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier,
                       SPA_POD_PROP_FLAG_MANDATORY | SPA_POD_PROP_FLAG_DONT_FIXATE);
  spa_pod_frame choice;
  // A choice even for one value: a scalar does not intersect gamescope's choice.
  spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Enum, 0);
  spa_pod_builder_long(b, static_cast<std::int64_t>(modifiers.front().value));
  for (const Modifier modifier : modifiers) {
    spa_pod_builder_long(b, static_cast<std::int64_t>(modifier.value));
  }
  spa_pod_builder_pop(b, &choice);
}

void add_wishes(spa_pod_builder* b, const GamescopeWishes& wishes) {
  if (!wishes.largest.empty()) {
    spa_pod_builder_prop(b, kGamescopeRequestedSize, 0);
    spa_pod_builder_rectangle(b, wishes.largest.width, wishes.largest.height);
  }
  if (wishes.app_id != 0) {
    spa_pod_builder_prop(b, kGamescopeFocusApp, 0);
    spa_pod_builder_long(b, wishes.app_id);
  }
}

std::vector<std::uint64_t> build_offer(const FormatOffer& offer, const CaptureRequest& request,
                                       MaxFramerate max_framerate, const GamescopeWishes& wishes) {
  // 1 KiB holds everything but the modifier list, which takes 8 bytes each.
  std::vector<std::uint64_t> storage(128 + offer.modifiers.size() + 2);
  spa_pod_builder b{};
  spa_pod_builder_init(&b, storage.data(), static_cast<std::uint32_t>(storage.size() * 8));
  spa_pod_frame object;
  spa_pod_builder_push_object(&b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
  spa_pod_builder_prop(&b, SPA_FORMAT_mediaType, 0);
  spa_pod_builder_id(&b, SPA_MEDIA_TYPE_video);
  spa_pod_builder_prop(&b, SPA_FORMAT_mediaSubtype, 0);
  spa_pod_builder_id(&b, SPA_MEDIA_SUBTYPE_raw);
  spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_format, 0);
  spa_pod_builder_id(&b, to_spa(offer.format));
  if (!offer.modifiers.empty()) add_modifiers(&b, offer.modifiers);
  add_size(&b, request.preferred_size, request.size_wish);
  add_rate(&b, SPA_FORMAT_VIDEO_framerate, request.max_rate, 0, {kMaxOfferedRate, 1});
  if (max_framerate == MaxFramerate::kOffer && !request.max_rate.variable()) {
    // From 1/1: KWin and Mutter refuse a range that begins at 0/1.
    add_rate(&b, SPA_FORMAT_VIDEO_maxFramerate, request.max_rate, 1, request.max_rate);
  }
  add_wishes(&b, wishes);
  spa_pod_builder_pop(&b, &object);
  return storage;
}

FrameRate to_rate(spa_fraction fraction) {
  return fraction.denom == 0 ? FrameRate{} : FrameRate{fraction.num, fraction.denom};
}

// SPA numbers colours as GStreamer does (spa/param/video/color.h, gst/video/video-color.h). Newer
// PipeWire has names for more of those numbers than 0.3.65: they are written as numbers here.
template <typename Value>
struct ColorRow {
  std::uint32_t spa;
  Value value;
};
constexpr std::array kMatrices = {
    ColorRow<ColorMatrix>{SPA_VIDEO_COLOR_MATRIX_FCC, ColorMatrix::kFcc},
    ColorRow<ColorMatrix>{SPA_VIDEO_COLOR_MATRIX_BT709, ColorMatrix::kBt709},
    ColorRow<ColorMatrix>{SPA_VIDEO_COLOR_MATRIX_BT601, ColorMatrix::kBt601},
    ColorRow<ColorMatrix>{SPA_VIDEO_COLOR_MATRIX_SMPTE240M, ColorMatrix::kSmpte240m},
    ColorRow<ColorMatrix>{SPA_VIDEO_COLOR_MATRIX_BT2020, ColorMatrix::kBt2020Ncl},
};
constexpr std::array kPrimaries = {
    ColorRow<ColorPrimaries>{SPA_VIDEO_COLOR_PRIMARIES_BT709, ColorPrimaries::kBt709},
    ColorRow<ColorPrimaries>{SPA_VIDEO_COLOR_PRIMARIES_BT470M, ColorPrimaries::kBt470m},
    ColorRow<ColorPrimaries>{SPA_VIDEO_COLOR_PRIMARIES_BT470BG, ColorPrimaries::kBt601Pal},
    ColorRow<ColorPrimaries>{SPA_VIDEO_COLOR_PRIMARIES_SMPTE170M, ColorPrimaries::kBt601Ntsc},
    ColorRow<ColorPrimaries>{SPA_VIDEO_COLOR_PRIMARIES_SMPTE240M, ColorPrimaries::kSmpte240m},
    ColorRow<ColorPrimaries>{SPA_VIDEO_COLOR_PRIMARIES_FILM, ColorPrimaries::kFilm},
    ColorRow<ColorPrimaries>{SPA_VIDEO_COLOR_PRIMARIES_BT2020, ColorPrimaries::kBt2020},
    ColorRow<ColorPrimaries>{9, ColorPrimaries::kXyz},  // SMPTE ST 428
    ColorRow<ColorPrimaries>{10, ColorPrimaries::kDciP3},
    ColorRow<ColorPrimaries>{11, ColorPrimaries::kDisplayP3},
    ColorRow<ColorPrimaries>{12, ColorPrimaries::kEbu3213},
};
constexpr std::array kTransfers = {
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_GAMMA10, ColorTransfer::kLinear},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_GAMMA22, ColorTransfer::kGamma22},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_BT709, ColorTransfer::kBt709},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_SMPTE240M, ColorTransfer::kSmpte240m},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_SRGB, ColorTransfer::kSrgb},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_GAMMA28, ColorTransfer::kGamma28},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_LOG100, ColorTransfer::kLog100},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_LOG316, ColorTransfer::kLog316},
    ColorRow<ColorTransfer>{SPA_VIDEO_TRANSFER_BT2020_12, ColorTransfer::kBt2020Twelve},
    ColorRow<ColorTransfer>{13, ColorTransfer::kBt2020Ten},
    ColorRow<ColorTransfer>{14, ColorTransfer::kPq},   // SMPTE ST 2084
    ColorRow<ColorTransfer>{15, ColorTransfer::kHlg},  // ARIB STD-B67
    ColorRow<ColorTransfer>{16, ColorTransfer::kBt601},
};

/// `otherwise` for what the producer does not say, or H.273 has no number for.
template <typename Table, typename Value>
Value color_value(const Table& table, std::uint32_t spa, Value otherwise) {
  const auto row = std::ranges::find_if(table, [spa](const auto& r) { return r.spa == spa; });
  return row == table.end() ? otherwise : row->value;
}

}  // namespace

ColorDescription color_of(std::uint32_t primaries, std::uint32_t transfer) {
  ColorDescription color;
  color.primaries = color_value(kPrimaries, primaries, color.primaries);
  color.transfer = color_value(kTransfers, transfer, color.transfer);
  return color;
}

namespace {

/// The producer's number, which need not be one that the enumeration has: no such enum is read.
template <typename Enum>
std::uint32_t number_in(const Enum& field) {
  std::uint32_t number = 0;
  static_assert(sizeof(Enum) == sizeof(number));
  std::memcpy(&number, &field, sizeof(number));
  return number;
}

// What is not said is BT.709, limited for YUV and full for RGB. The two systems of BT.601 have one
// name for their matrix; the primaries tell which it is.
ColorDescription to_color(const spa_video_info_raw& info, Fourcc format) {
  ColorDescription color =
      color_of(number_in(info.color_primaries), number_in(info.transfer_function));
  const std::uint32_t range = number_in(info.color_range);
  if (!is_yuv(format)) {
    color.range = range == SPA_VIDEO_COLOR_RANGE_16_235 ? ColorRange::kLimited : ColorRange::kFull;
    return color;
  }
  color.matrix = color_value(kMatrices, number_in(info.color_matrix), color.matrix);
  if (color.matrix == ColorMatrix::kBt601 && color.primaries == ColorPrimaries::kBt601Pal) {
    color.matrix = ColorMatrix::kBt601Pal;
  }
  if (range == SPA_VIDEO_COLOR_RANGE_0_255) color.range = ColorRange::kFull;
  return color;
}

}  // namespace

spa_video_format to_spa(Fourcc format) {
  const auto row = std::ranges::find(kFormats, format, &Row::fourcc);
  return row == kFormats.end() ? SPA_VIDEO_FORMAT_UNKNOWN : row->spa;
}

Fourcc from_spa(std::uint32_t format) {
  const auto row = std::ranges::find_if(
      kFormats, [format](const Row& r) { return static_cast<std::uint32_t>(r.spa) == format; });
  return row == kFormats.end() ? Fourcc::kNone : row->fourcc;
}

FormatPods::FormatPods(const CaptureRequest& request, MaxFramerate max_framerate,
                       const GamescopeWishes& wishes) {
  for (const FormatOffer& offer : request.offers) {
    if (to_spa(offer.format) == SPA_VIDEO_FORMAT_UNKNOWN) continue;
    storage_.push_back(build_offer(offer, request, max_framerate, wishes));
  }
  for (const auto& bytes : storage_) {
    pods_.push_back(reinterpret_cast<const spa_pod*>(bytes.data()));
  }
}

Result<VideoFormat> parse_format(const spa_pod* pod) {
  std::uint32_t type = 0;
  std::uint32_t subtype = 0;
  if (spa_format_parse(pod, &type, &subtype) < 0 || type != SPA_MEDIA_TYPE_video ||
      subtype != SPA_MEDIA_SUBTYPE_raw) {
    return fail(ErrorKind::kFormatRejected, "the producer's format is not raw video");
  }
  // By presence, not by value: LINEAR is modifier 0.
  const spa_pod_prop* modifier = spa_pod_find_prop(pod, nullptr, SPA_FORMAT_VIDEO_modifier);
  if (modifier != nullptr && (modifier->flags & SPA_POD_PROP_FLAG_DONT_FIXATE) != 0) {
    return fail(ErrorKind::kRetry, "the producer has not fixed a modifier yet");
  }
  spa_video_info_raw info{};
  if (spa_format_video_raw_parse(pod, &info) < 0) {
    return fail(ErrorKind::kFormatRejected, "the producer's video format can't be parsed");
  }
  VideoFormat result;
  result.format = from_spa(info.format);
  if (result.format == Fourcc::kNone) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("the producer chose SPA video format {}, which was not offered",
                            static_cast<unsigned>(info.format)));
  }
  result.size = {info.size.width, info.size.height};
  if (result.size.empty() || result.size.width > kMaxSide || result.size.height > kMaxSide) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("the producer announced an impossible size, {}x{}", result.size.width,
                            result.size.height));
  }
  result.rate = to_rate(info.framerate);
  result.max_rate = to_rate(info.max_framerate);
  result.color = to_color(info, result.format);
  if (modifier != nullptr) result.modifier = Modifier{info.modifier};
  return result;
}

}  // namespace lumen::pipewire
