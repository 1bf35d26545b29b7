#include "zerocopy/importer_registry.h"

#include <array>

#if !defined(_WIN32)
#include "zerocopy/cpu/cpu_importer.h"
#endif

namespace lumen {

std::span<const ImporterEntry> importer_registry() {
#if defined(_WIN32)
  return {};
#else
  static constexpr std::array<ImporterEntry, 1> kImporters = {{
      {"cpu", []() -> Result<void> { return {}; },
       []() -> Result<std::unique_ptr<FrameImporter> > { return cpu::CpuImporter::make(); }},
  }};
  return kImporters;
#endif
}

}  // namespace lumen
