// The GPU rows of the importer registry: reader, conversion and self-test put together.
#pragma once

#include <functional>
#include <memory>

#include "core/error.h"
#include "zerocopy/cuda/gpu.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/frame_importer.h"
#include "zerocopy/selftest/proof_cache.h"
#include "zerocopy/selftest/prove.h"

namespace lumen {

Result<void> check_egl_route();
Result<void> check_vulkan_route();

/// Open the GPU, prove the route with real pictures, and offer only what was proven. A proof that
/// was kept from an earlier run (keep_proof()) is believed. Error: kUnsupported with the reason;
/// kDeviceLost.
Result<std::unique_ptr<FrameImporter>> create_egl_route(cuda::Gpu& gpu);
Result<std::unique_ptr<FrameImporter>> create_vulkan_route(cuda::Gpu& gpu);
Result<std::unique_ptr<FrameImporter>> create_blit_route(cuda::Gpu& gpu);

/// A route that nobody has tested yet, for the probe.
struct UnprovenRoute {
  std::unique_ptr<FrameImporter> importer;
  selftest::ProofSubject subject;
};
/// As the functions above, but whatever the proof says. `name` is a registry name.
Result<UnprovenRoute> create_unproven_route(std::string_view name, cuda::Gpu& gpu);

/// Has later runs believe the proof, in the user's cache; the log says where that can't be.
void keep_proof(const selftest::ProofSubject& subject, const selftest::Proof& proof);

}  // namespace lumen
