// Guards the driver from layouts that leave their memory: what a producer says is not trusted.
#pragma once

#include "capture/captured_frame.h"
#include "core/error.h"

namespace lumen::egl {

/// A packed 32-bit RGB picture that lies inside its dmabufs. LINEAR is checked to the last byte.
/// Tiled layouts are the driver's secret, but none keeps a picture in less than its pixels' bytes.
/// Error: kFormatRejected.
Result<void> check_layout(const CapturedFrame& frame, const DmaBufImage& image);

/// Every descriptor is a dmabuf (Linux 5.3 and later can tell). Mesa maps whatever it is given and
/// crashes at the first draw where that failed. Error: kFormatRejected.
Result<void> check_is_dmabuf(const DmaBufMemory& memory);

}  // namespace lumen::egl
