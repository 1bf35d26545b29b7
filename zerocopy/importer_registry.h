// The import routes of this build, best first: the fallback ladder as data.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/error.h"
#include "zerocopy/frame_importer.h"

namespace lumen {

struct ImporterEntry {
  std::string_view name;
  /// Cheap: is it worth trying here? The error's message is the reason why not.
  Result<void> (*check)();
  /// May load drivers and prove the route.
  Result<std::unique_ptr<FrameImporter>> (*create)();
};

std::span<const ImporterEntry> importer_registry();

}  // namespace lumen
