// The GPU rows of the importer registry: reader, conversion and self-test put together.
#pragma once

#include <functional>
#include <memory>

#include "core/error.h"
#include "zerocopy/cuda/gpu.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/frame_importer.h"
#include "zerocopy/selftest/prove.h"

namespace lumen {

Result<void> check_egl_route();
Result<void> check_vulkan_route();

/// Open the GPU, prove the route with real pictures, and offer only what was proven.
/// Error: kUnsupported with the reason; kDeviceLost.
Result<std::unique_ptr<FrameImporter>> create_egl_route(cuda::Gpu& gpu);
Result<std::unique_ptr<FrameImporter>> create_vulkan_route(cuda::Gpu& gpu);
Result<std::unique_ptr<FrameImporter>> create_blit_route(cuda::Gpu& gpu);

/// As the functions above, but whatever the proof says; for the probe. `name` is a registry name.
Result<std::unique_ptr<FrameImporter>> create_unproven_route(std::string_view name, cuda::Gpu& gpu);

}  // namespace lumen
