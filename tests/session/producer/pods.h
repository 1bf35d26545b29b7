// The SPA pods that a node offers, and the names of the formats in them.
#pragma once

#include <cstdint>
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

/// Owns pods; pointers stay valid until the next add.
class Pods {
 public:
  enum class Fixation { kOpen, kDone };

  /// EnumFormat: with the modifier first where settings ask for it, then without.
  void add_formats(const NodeSettings& settings, Fixation fixation);
  /// Buffers, and the header Meta where settings ask for it.
  void add_buffers(const NodeSettings& settings, std::uint32_t picture_bytes, Pitch pitch,
                   bool has_modifier);

  [[nodiscard]] std::vector<const spa_pod*> pointers() const;

 private:
  using Storage = std::vector<std::uint64_t>;  // pods are 8-byte aligned
  enum class ModifierProperty { kAbsent, kChoice, kFixed };

  void add_format(const NodeSettings& settings, ModifierProperty modifier);
  Storage& next();

  std::vector<Storage> storage_;
};

}  // namespace lumen::producer
