// LINEAR dmabufs of ordinary memory, by the kernel's udmabuf device.
#pragma once

#include <memory>

#include "zerocopy/selftest/sample.h"

namespace lumen::selftest {

/// Error: kUnsupported, no udmabuf or no right to use it.
Result<std::unique_ptr<SampleMaker>> make_udmabuf_maker();

}  // namespace lumen::selftest
