// Which parts of pooled images are older than the source's newest picture: only those are read from
// the producer and converted. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "core/damage.h"

namespace lumen::cpu {

/// Images are told apart by their memory, which must be theirs for as long as they are known here.
class StaleRegions {
 public:
  /// The newest picture differs from the one before it in `damage`, in the images' coordinates.
  void changed(const Damage& damage);
  /// What `image` lacks of the newest picture. Not known: all of it.
  [[nodiscard]] Damage of(const std::uint8_t* image) const;
  /// `image` holds the newest picture now.
  void updated(const std::uint8_t* image);
  /// Whatever images hold has nothing to do with the pictures that come.
  void forget() { images_.clear(); }

 private:
  struct Image {
    const std::uint8_t* memory = nullptr;
    Damage stale;
  };
  std::vector<Image> images_;  // as many as the pool has
};

}  // namespace lumen::cpu
