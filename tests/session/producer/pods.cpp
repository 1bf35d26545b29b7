#include "pods.h"

#include <algorithm>
#include <array>

#include <pipewire/version.h>
#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>
#include <spa/param/buffers.h>
#include <spa/param/format-utils.h>
#include <spa/param/video/format.h>
#include <spa/pod/builder.h>

#include "pointer.h"

namespace lumen::producer {
namespace {

struct Row {
  std::string_view name;
  Fourcc fourcc;
  spa_video_format spa;
};
constexpr std::array kFormats = {
    Row{"BGRx", Fourcc::kBGRx, SPA_VIDEO_FORMAT_BGRx},
    Row{"BGRA", Fourcc::kBGRA, SPA_VIDEO_FORMAT_BGRA},
    Row{"RGBx", Fourcc::kRGBx, SPA_VIDEO_FORMAT_RGBx},
    Row{"RGBA", Fourcc::kRGBA, SPA_VIDEO_FORMAT_RGBA},
    Row{"NV12", Fourcc::kNV12, SPA_VIDEO_FORMAT_NV12},
    Row{"xRGB_210LE", Fourcc::kXR30, SPA_VIDEO_FORMAT_xRGB_210LE},
    Row{"ARGB_210LE", Fourcc::kAR30, SPA_VIDEO_FORMAT_ARGB_210LE},
    Row{"xBGR_210LE", Fourcc::kXB30, SPA_VIDEO_FORMAT_xBGR_210LE},
    Row{"ABGR_210LE", Fourcc::kAB30, SPA_VIDEO_FORMAT_ABGR_210LE},
};

constexpr std::size_t kPodWords = 128;            // 1 KiB: no pod here comes near
constexpr std::uint32_t kHugeSide = 0x7fff'fff0;  // × 4 bytes overflows 32 bits
constexpr std::uint32_t kDamageRegions = 16;      // as KWin and Mutter
constexpr std::uint32_t kPreferredBuffers = 8;

int as_int(std::uint32_t value) { return static_cast<int>(value); }

void add_int(spa_pod_builder* b, std::uint32_t key, std::uint32_t value) {
  spa_pod_builder_prop(b, key, 0);
  spa_pod_builder_int(b, as_int(value));
}

void add_id(spa_pod_builder* b, std::uint32_t key, std::uint32_t value) {
  spa_pod_builder_prop(b, key, 0);
  spa_pod_builder_id(b, value);
}

Extent announced(const NodeSettings& settings) {
  switch (settings.extent) {
    case ExtentTrick::kZero: return {0, 0};
    case ExtentTrick::kHuge: return {kHugeSide, kHugeSide};
    case ExtentTrick::kNone: break;
  }
  return settings.size;
}

void add_rate(spa_pod_builder* b, const NodeSettings& settings) {
  const FrameRate rate = settings.rate;
  spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_framerate, 0);
  if (settings.rate_offer == RateOffer::kFixed) {
    spa_pod_builder_fraction(b, rate.num, rate.den);
    return;
  }
  spa_pod_builder_fraction(b, 0, 1);
  spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_maxFramerate, 0);
  spa_pod_frame choice;
  spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Range, 0);
  spa_pod_builder_fraction(b, rate.num, rate.den);
  spa_pod_builder_fraction(b, 1, 1);
  spa_pod_builder_fraction(b, rate.num, rate.den);
  spa_pod_builder_pop(b, &choice);
}

void add_color(spa_pod_builder* b, const NodeSettings& settings, Fourcc format) {
  if (settings.color == ColorOffer::kNone || bit_depth(format) == 8) return;
  // PipeWire 0.3 has no names for the two transfer functions (spa/param/video/color.h of 1.0).
  constexpr std::uint32_t kSmpte2084 = 14;
  constexpr std::uint32_t kAribStdB67 = 15;
  add_id(b, SPA_FORMAT_VIDEO_colorPrimaries, SPA_VIDEO_COLOR_PRIMARIES_BT2020);
  add_id(b, SPA_FORMAT_VIDEO_transferFunction,
         settings.color == ColorOffer::kPq ? kSmpte2084 : kAribStdB67);
  add_id(b, SPA_FORMAT_VIDEO_colorRange, SPA_VIDEO_COLOR_RANGE_0_255);
}

}  // namespace

Fourcc parse_format_name(std::string_view name) {
  const auto row = std::ranges::find(kFormats, name, &Row::name);
  return row == kFormats.end() ? Fourcc::kNone : row->fourcc;
}

Fourcc from_spa(std::uint32_t format) {
  const auto row = std::ranges::find_if(
      kFormats, [format](const Row& r) { return static_cast<std::uint32_t>(r.spa) == format; });
  return row == kFormats.end() ? Fourcc::kNone : row->fourcc;
}

spa_video_format to_spa(Fourcc format) {
  const auto row = std::ranges::find(kFormats, format, &Row::fourcc);
  return row == kFormats.end() ? SPA_VIDEO_FORMAT_UNKNOWN : row->spa;
}

void Pods::add_formats(const NodeSettings& settings, std::optional<Modifier> fixed) {
  if (fixed) add_format(settings, settings.format, {*fixed}, true);
  std::vector<Fourcc> formats = settings.others;
  formats.insert(formats.begin(), settings.format);
  for (const Fourcc format : formats) {
    if (!settings.modifiers.empty()) add_format(settings, format, settings.modifiers);
    if (settings.plain == PlainTwin::kOffered || settings.modifiers.empty()) {
      add_format(settings, format, {});
    }
  }
}

void Pods::add_format(const NodeSettings& settings, Fourcc format,
                      const std::vector<Modifier>& modifiers, bool fixed) {
  Storage& storage = next();
  spa_pod_builder b{};
  spa_pod_builder_init(&b, storage.data(), static_cast<std::uint32_t>(storage.size() * 8));
  spa_pod_frame object;
  spa_pod_builder_push_object(&b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
  add_id(&b, SPA_FORMAT_mediaType, SPA_MEDIA_TYPE_video);
  add_id(&b, SPA_FORMAT_mediaSubtype, SPA_MEDIA_SUBTYPE_raw);
  add_id(&b, SPA_FORMAT_VIDEO_format, to_spa(format));
  if (fixed) {
    spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY);
    spa_pod_builder_long(&b, static_cast<std::int64_t>(modifiers.front().value));
  } else if (!modifiers.empty()) {
    std::uint32_t flags = SPA_POD_PROP_FLAG_MANDATORY;
    if (settings.fixation == Fixation::kProducer) flags |= SPA_POD_PROP_FLAG_DONT_FIXATE;
    spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_modifier, flags);
    spa_pod_frame choice;
    spa_pod_builder_push_choice(&b, &choice, SPA_CHOICE_Enum, 0);
    // The default, then all alternatives, the default among them.
    spa_pod_builder_long(&b, static_cast<std::int64_t>(modifiers.front().value));
    for (const Modifier modifier : modifiers) {
      spa_pod_builder_long(&b, static_cast<std::int64_t>(modifier.value));
    }
    spa_pod_builder_pop(&b, &choice);
  }
  const Extent size = announced(settings);
  spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_size, 0);
  spa_pod_builder_rectangle(&b, size.width, size.height);
  add_rate(&b, settings);
  add_color(&b, settings, format);
  spa_pod_builder_pop(&b, &object);
}

void Pods::add_buffers(const NodeSettings& settings, std::uint32_t picture_bytes, Pitch pitch,
                       std::uint32_t data_types) {
  add_buffer_param(settings, picture_bytes, pitch, data_types, 1, 0);
  if (settings.pts != Pts::kNone) add_meta(SPA_META_Header, sizeof(spa_meta_header));
  if (settings.damage != DamageReport::kNone) {
    add_meta(SPA_META_VideoDamage, kDamageRegions * sizeof(spa_meta_region));
  }
  if (settings.cursor != CursorReport::kNone) add_meta(SPA_META_Cursor, pointer_meta_bytes());
}

void Pods::add_buffers_with_sync(const NodeSettings& settings, std::uint32_t picture_bytes,
                                 Pitch pitch) {
#if PW_CHECK_VERSION(1, 2, 0)
  // The planes' block and two syncobjs.
  add_buffer_param(settings, picture_bytes, pitch, 1U << SPA_DATA_DmaBuf, 3,
                   1U << SPA_META_SyncTimeline);
  add_meta(SPA_META_SyncTimeline, sizeof(spa_meta_sync_timeline));
#else
  static_cast<void>(settings);
  static_cast<void>(picture_bytes);
  static_cast<void>(pitch);
#endif
}

void Pods::add_buffer_param(const NodeSettings& settings, std::uint32_t picture_bytes, Pitch pitch,
                            std::uint32_t data_types, std::uint32_t blocks,
                            std::uint32_t required_metas) {
  Storage& buffers = next();
  spa_pod_builder b{};
  spa_pod_builder_init(&b, buffers.data(), static_cast<std::uint32_t>(buffers.size() * 8));
  spa_pod_frame object;
  spa_pod_builder_push_object(&b, &object, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers);
  spa_pod_builder_prop(&b, SPA_PARAM_BUFFERS_buffers, 0);
  spa_pod_frame choice;
  spa_pod_builder_push_choice(&b, &choice, SPA_CHOICE_Range, 0);
  spa_pod_builder_int(
      &b, as_int(std::clamp(kPreferredBuffers, settings.least_buffers, settings.most_buffers)));
  spa_pod_builder_int(&b, as_int(settings.least_buffers));
  spa_pod_builder_int(&b, as_int(settings.most_buffers));
  spa_pod_builder_pop(&b, &choice);
  add_int(&b, SPA_PARAM_BUFFERS_blocks, blocks);
  add_int(&b, SPA_PARAM_BUFFERS_size, picture_bytes);
  add_int(&b, SPA_PARAM_BUFFERS_stride, pitch.bytes);
  spa_pod_builder_prop(&b, SPA_PARAM_BUFFERS_dataType, 0);
  spa_pod_builder_push_choice(&b, &choice, SPA_CHOICE_Flags, 0);
  spa_pod_builder_int(&b, as_int(data_types));
  spa_pod_builder_pop(&b, &choice);
#if PW_CHECK_VERSION(1, 2, 0)
  if (required_metas != 0) {
    spa_pod_builder_prop(&b, SPA_PARAM_BUFFERS_metaType, SPA_POD_PROP_FLAG_MANDATORY);
    spa_pod_builder_int(&b, as_int(required_metas));
  }
#else
  static_cast<void>(required_metas);
#endif
  spa_pod_builder_pop(&b, &object);
}

void Pods::add_meta(std::uint32_t type, std::uint32_t size) {
  Storage& storage = next();
  spa_pod_builder b{};
  spa_pod_builder_init(&b, storage.data(), static_cast<std::uint32_t>(storage.size() * 8));
  spa_pod_frame object;
  spa_pod_builder_push_object(&b, &object, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta);
  add_id(&b, SPA_PARAM_META_type, type);
  add_int(&b, SPA_PARAM_META_size, size);
  spa_pod_builder_pop(&b, &object);
}

std::vector<const spa_pod*> Pods::pointers() const {
  std::vector<const spa_pod*> pods;
  for (const Storage& storage : storage_) {
    pods.push_back(reinterpret_cast<const spa_pod*>(storage.data()));
  }
  return pods;
}

std::vector<Modifier> offered_modifiers(const spa_pod_prop& property) {
  std::uint32_t count = 0;
  std::uint32_t kind = SPA_CHOICE_None;
  const spa_pod* const values = spa_pod_get_values(&property.value, &count, &kind);
  std::vector<Modifier> modifiers;
  if (values->type != SPA_TYPE_Long || values->size != sizeof(std::int64_t)) return modifiers;
  const auto* const longs = reinterpret_cast<const std::uint64_t*>(values + 1);  // the pod's body
  for (std::uint32_t i = 0; i < count; ++i) modifiers.push_back({longs[i]});
  return modifiers;
}

Pods::Storage& Pods::next() { return storage_.emplace_back(kPodWords); }

}  // namespace lumen::producer
