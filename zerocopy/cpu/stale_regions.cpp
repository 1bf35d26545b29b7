#include "zerocopy/cpu/stale_regions.h"

#include <algorithm>

namespace lumen::cpu {

void StaleRegions::changed(const Damage& damage) {
  for (Image& image : images_) image.stale.add(damage);
}

Damage StaleRegions::of(const std::uint8_t* image) const {
  const auto found = std::ranges::find(images_, image, &Image::memory);
  return found == images_.end() ? Damage() : found->stale;
}

void StaleRegions::updated(const std::uint8_t* image) {
  const auto found = std::ranges::find(images_, image, &Image::memory);
  if (found == images_.end()) {
    images_.push_back({image, Damage::nothing()});
  } else {
    found->stale = Damage::nothing();
  }
}

}  // namespace lumen::cpu
