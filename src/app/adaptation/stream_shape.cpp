#include "app/adaptation/stream_shape.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace lumen {
namespace {

constexpr ShapeStep kSteps[] = {
    {},
    {.rate = 0.75},
    {.rate = 0.5},
    {.rate = 0.5, .size = 0.75},
    {.rate = 0.5, .size = 0.5},
    {.rate = 0.25, .size = 0.5},
    {.rate = 0.25, .size = 0.5, .bitrate = 0.5},
    {.rate = 0.25, .size = 0.5, .bitrate = 0.25},
};

// NVENC encodes H.264 from 145x49, HEVC from 129x33 on; what is smaller already stays as it is.
constexpr Extent kSmallest{160, 64};
constexpr double kSlowestRate = 5;

std::uint32_t side(std::uint32_t full, double share) {
  return std::min(full, static_cast<std::uint32_t>(std::lround(full * share / 2)) * 2);
}

Extent scaled(Extent full, double share) {
  const Extent size{side(full.width, share), side(full.height, share)};
  return size.width < kSmallest.width || size.height < kSmallest.height ? full : size;
}

// In thousandths where it is no longer the exact one.
FrameRate slowed(FrameRate full, double share) {
  if (full.variable() || share >= 1) return full;
  const double rate = std::min(full.value(), std::max(kSlowestRate, full.value() * share));
  return {static_cast<std::uint32_t>(std::lround(rate * 1000)), 1000};
}

}  // namespace

std::string describe(const StreamShape& shape) {
  std::string text = fmt::format("{}x{}", shape.size.width, shape.size.height);
  if (!shape.rate.variable()) text += fmt::format(" at {:.4g} fps", shape.rate.value());
  if (shape.bitrate_bps != 0) {
    text += fmt::format(", {:.1f} Mb/s", static_cast<double>(shape.bitrate_bps) / 1e6);
  }
  return text;
}

std::span<const ShapeStep> shape_steps() { return kSteps; }

StreamShape reduced(const StreamShape& full, const ShapeStep& step) {
  return {.size = scaled(full.size, step.size),
          .rate = slowed(full.rate, step.rate),
          .bitrate_bps = static_cast<std::uint64_t>(
              std::llround(static_cast<double>(full.bitrate_bps) * step.bitrate))};
}

std::vector<QualityChoice> quality_choices(const StreamShape& full, bool may_change_size) {
  std::vector<QualityChoice> choices = {
      {.id = "auto", .label = "Automatic", .most = {}},
      {.id = "medium", .label = "Medium", .most = {.bitrate = 0.5}},
      {.id = "low", .label = "Low", .most = {.rate = 0.5, .size = 0.75, .bitrate = 0.25}},
      {.id = "lowest", .label = "Lowest", .most = {.rate = 0.5, .size = 0.5, .bitrate = 0.1}}};
  for (QualityChoice& choice : choices) {
    if (!may_change_size) choice.most.size = 1;
    choice.label += ": " + describe(reduced(full, choice.most));
  }
  return choices;
}

}  // namespace lumen
