// Proves an import route: real dmabufs with known pixels go through it, and what comes out is
// compared pixel by pixel.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "zerocopy/frame_importer.h"
#include "zerocopy/selftest/sample.h"

namespace lumen::selftest {

struct ModifierProof {
  Modifier modifier;
  bool works = false;
  bool certain = false;  // pixels were compared, or nothing here can make any to compare
  std::string maker;     // who made the sample
  std::string reason;    // why it does not work
};

struct Proof {
  std::vector<ModifierProof> modifiers;  // every one that the route offers

  [[nodiscard]] std::vector<Modifier> working() const;
  /// One line on what went wrong, for the ladder; empty where something works.
  [[nodiscard]] std::string failure() const;
};

/// Imports one picture of each modifier that the route offers for its first format of so many bits;
/// no modifiers where it has none. Leaves the importer configured for that. Error: kUnsupported, no
/// sample can be made on this machine at all; kDeviceLost.
Result<Proof> prove(FrameImporter& importer, std::span<const std::unique_ptr<SampleMaker>> makers,
                    unsigned bits = 8);

/// Median time that import() to NV12 and the GPU's work for it take together, over `frames` frames
/// of one sample of `size` (even sides).
Result<Nanoseconds> time_per_frame(FrameImporter& importer, SampleMaker& maker, Fourcc format,
                                   Modifier modifier, Extent size, unsigned frames);

/// The floor to compare with: one device-to-device copy of 32-bit pixels and the wait for it.
Result<Nanoseconds> time_device_copy(const std::shared_ptr<const cuda::Context>& context,
                                     Extent size, unsigned frames);

}  // namespace lumen::selftest
