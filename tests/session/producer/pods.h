// The SPA pods that a node offers, and the names of the formats in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <spa/param/video/raw.h>
#include <spa/pod/pod.h>

#include "core/geometry.h"
#include "core/pixel_format.h"
#include "node_settings.h"

namespace lumen::producer {

/// "BGRx" … ; kNone for any other word.
Fourcc parse_format_name(std::string_view name);
spa_video_format to_spa(Fourcc format);
Fourcc from_spa(std::uint32_t format);  // kNone for any other

/// Owns pods; pointers stay valid until the next add.
class Pods {
 public:
  /// EnumFormat: with `fixed` alone where one was picked, then each format with all modifiers and
  /// without.
  void add_formats(const NodeSettings& settings, std::optional<Modifier> fixed = std::nullopt);
  /// Buffers of the types in `data_types` (a mask of 1 << spa_data_type), and the header Meta where
  /// settings ask for it.
  void add_buffers(const NodeSettings& settings, std::uint32_t picture_bytes, Pitch pitch,
                   std::uint32_t data_types);
  /// The same for dmabufs with explicit sync, to be preferred: add it first.
  void add_buffers_with_sync(const NodeSettings& settings, std::uint32_t picture_bytes,
                             Pitch pitch);

  [[nodiscard]] std::vector<const spa_pod*> pointers() const;

 private:
  using Storage = std::vector<std::uint64_t>;  // pods are 8-byte aligned

  /// `modifiers`: none, one (a plain value), or a choice of several.
  void add_format(const NodeSettings& settings, Fourcc format,
                  const std::vector<Modifier>& modifiers, bool fixed = false);
  void add_buffer_param(const NodeSettings& settings, std::uint32_t picture_bytes, Pitch pitch,
                        std::uint32_t data_types, std::uint32_t blocks,
                        std::uint32_t required_metas);
  void add_meta(std::uint32_t type, std::uint32_t size);
  Storage& next();

  std::vector<Storage> storage_;
};

/// The modifiers that both ends know, of a Format that PipeWire filtered; the default first.
std::vector<Modifier> offered_modifiers(const spa_pod_prop& property);

}  // namespace lumen::producer
