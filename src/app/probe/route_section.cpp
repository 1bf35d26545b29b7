#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "app/probe/formats_json.h"
#include "app/probe/sections.h"
#include "zerocopy/gpu_routes.h"
#include "zerocopy/importer_registry.h"
#include "zerocopy/selftest/prove.h"

namespace lumen::probe {
namespace {

constexpr std::array kTimedSizes = {Extent{1920, 1080}, Extent{3840, 2160}};
constexpr unsigned kTimedFrames = 60;
// A stand-in for a GPU takes that long for one picture; timing it would outlast the probe.
constexpr Nanoseconds kTooSlow{50'000'000};

double microseconds(Nanoseconds time) {
  return std::round(static_cast<double>(time.count()) / 100.0) / 10.0;
}

Json proof_json(const selftest::ModifierProof& proof) {
  Json row = probe::to_json(proof.modifier);
  row["works"] = proof.works;
  row["maker"] = proof.maker;
  if (!proof.works) row["reason"] = proof.reason;
  return row;
}

using Context = std::shared_ptr<const cuda::Context>;
using Makers = std::vector<std::unique_ptr<selftest::SampleMaker>>;

/// One row per size; the reason where a size could not be timed.
Json time_route(FrameImporter& importer, const Makers& makers, Fourcc format,
                const selftest::ModifierProof& proof, const Context& context) {
  Json timing = Json::array();
  const auto maker =
      std::ranges::find_if(makers, [&](const auto& one) { return one->name() == proof.maker; });
  if (maker == makers.end()) return timing;
  for (const Extent size : kTimedSizes) {
    Json row = {{"width", size.width}, {"height", size.height}};
    const auto time_frames = [&](unsigned frames) {
      return selftest::time_per_frame(importer, **maker, format, proof.modifier, size, frames);
    };
    auto time = time_frames(1);
    const bool slow = time && *time > kTooSlow;
    if (time && !slow) time = time_frames(kTimedFrames);
    const auto floor = selftest::time_device_copy(context, size, slow ? 1 : kTimedFrames);
    if (floor && time) {
      row["us"] = microseconds(*time);
      row["floor_us"] = microseconds(*floor);
      row["modifier"] = describe(proof.modifier);
    } else {
      row["reason"] = (time ? floor.error() : time.error()).describe();
    }
    timing.push_back(std::move(row));
    if (slow) break;
  }
  return timing;
}

Json prove_route(const UnprovenRoute& route, const Context& context) {
  FrameImporter& importer = *route.importer;
  Json answer = {{"ok", false}, {"formats", Json::array()}};
  const std::vector<FormatOffer> offers = importer.offers();
  for (const FormatOffer& offer : offers) {
    answer["formats"].push_back(probe::to_json(offer.format, offer.modifiers));
  }
  std::vector<std::string> reasons;
  const Makers makers = selftest::make_sample_makers(context->device(), reasons);
  answer["provable"] = !makers.empty();
  if (makers.empty()) {
    std::string why = "can't be proven: no test buffer can be made on this machine";
    for (const std::string& reason : reasons) why += "; " + reason;
    answer["reason"] = why;
    return answer;
  }
  auto proof = selftest::prove(importer, makers);
  if (!proof) {
    answer.update(failed(proof.error()));
    return answer;
  }
  // Streams believe a proof of an earlier run; the probe always makes a new one.
  keep_proof(route.subject, *proof);
  answer["modifiers"] = Json::array();
  for (const auto& row : proof->modifiers) answer["modifiers"].push_back(proof_json(row));
  if (const std::string failure = proof->failure(); !failure.empty()) {
    answer["reason"] = "self-test failed: " + failure;
    return answer;
  }
  answer["ok"] = true;
  auto deep = selftest::prove(importer, makers, 10);
  if (!deep) {
    answer["ten_bits"] = failed(deep.error());
  } else {
    if (!deep->modifiers.empty()) keep_proof(selftest::of_depth(route.subject, 10), *deep);
    const std::string failure = deep->failure();
    answer["ten_bits"] = {{"ok", failure.empty()}, {"modifiers", Json::array()}};
    for (const auto& row : deep->modifiers) {
      answer["ten_bits"]["modifiers"].push_back(proof_json(row));
    }
    if (deep->modifiers.empty()) {
      answer["ten_bits"]["reason"] = "takes no pictures of ten bits";
    } else if (!failure.empty()) {
      answer["ten_bits"]["reason"] = "self-test failed: " + failure;
    }
  }
  const auto first = std::ranges::find_if(proof->modifiers, &selftest::ModifierProof::works);
  answer["timing"] = time_route(importer, makers, offers.front().format, *first, context);
  return answer;
}

}  // namespace

Json ask_route(std::string_view name) {
  const auto registry = importer_registry();
  const auto entry = std::ranges::find(registry, name, &ImporterEntry::name);
  if (entry == registry.end() || entry->kind != RouteKind::kGpu) {
    return {{"ok", false}, {"reason", "no such route"}};
  }
  if (auto usable = entry->check(); !usable) return failed(usable.error());
  cuda::Gpu gpu;
  auto route = create_unproven_route(name, gpu);
  if (!route) return failed(route.error());
  auto context = gpu.context();
  if (!context) return failed(context.error());
  return prove_route(*route, *context);
}

}  // namespace lumen::probe
