// Decides, before anything is negotiated, how frames will be imported, and remembers why.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "capture/capture_source.h"
#include "core/error.h"
#include "core/ladder.h"
#include "zerocopy/frame_importer.h"
#include "zerocopy/importer_registry.h"

namespace lumen {

struct Plan {
  std::unique_ptr<FrameImporter> importer;
  std::vector<FormatOffer> offers;  // what the source should offer; never empty
  Ladder ladder;                    // in the order tried; the last step is the one taken
};

/// Walks down the ladder until an importer can be made. Error: kUnsupported, none can; the message
/// has every reason.
Result<Plan> plan_import(std::span<const ImporterEntry> ladder = importer_registry());

/// The offers that remain when a combination has failed: without a modifier, `format` in host
/// memory; with one, `format` in a dmabuf of that layout. Nothing may remain.
std::vector<FormatOffer> without(std::vector<FormatOffer> offers, Fourcc format,
                                 std::optional<Modifier> modifier);

}  // namespace lumen
