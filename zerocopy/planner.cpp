#include "zerocopy/planner.h"

#include <utility>

namespace lumen {
namespace {

Result<std::unique_ptr<FrameImporter>> try_entry(const ImporterEntry& entry) {
  if (auto usable = entry.check(); !usable) return tl::unexpected(std::move(usable.error()));
  return entry.create();
}

}  // namespace

Result<Plan> plan_import(std::span<const ImporterEntry> ladder) {
  Plan plan;
  std::string reasons;
  for (const ImporterEntry& entry : ladder) {
    LadderStep& step = plan.ladder.emplace_back();
    step.name = entry.name;
    auto importer = try_entry(entry);
    if (importer) {
      plan.offers = (*importer)->offers();
      if (!plan.offers.empty()) {
        plan.importer = std::move(*importer);
        step.taken = true;
        return plan;
      }
      step.reason = "takes no format on this machine";
    } else {
      step.reason = importer.error().describe();
    }
    reasons += "; " + step.name + ": " + step.reason;
  }
  return fail(ErrorKind::kUnsupported, "no way to import frames" + reasons);
}

std::vector<FormatOffer> without(std::vector<FormatOffer> offers, Fourcc format,
                                 std::optional<Modifier> modifier) {
  std::vector<FormatOffer> remaining;
  for (FormatOffer& offer : offers) {
    const bool concerned =
        offer.format == format && offer.modifiers.empty() != modifier.has_value();
    if (concerned && modifier) std::erase(offer.modifiers, *modifier);
    if (!concerned || !offer.modifiers.empty()) remaining.push_back(std::move(offer));
  }
  return remaining;
}

}  // namespace lumen
