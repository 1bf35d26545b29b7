// Dmabufs of every layout that the GPU itself can render to, made with Vulkan.
#pragma once

#include <memory>

#include "zerocopy/selftest/sample.h"

namespace lumen::selftest {

/// Error: kUnsupported, Vulkan on this GPU exports no dmabufs.
Result<std::unique_ptr<SampleMaker>> make_vulkan_maker(const cuda::Uuid& uuid);

}  // namespace lumen::selftest
