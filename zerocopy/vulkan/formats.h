// What a device can import: pixel formats, DRM modifiers and their order.
#pragma once

#include <vector>

#include "capture/capture_source.h"
#include "core/error.h"
#include "core/geometry.h"
#include "core/pixel_format.h"
#include "zerocopy/vulkan/device.h"

namespace lumen::vulkan {

/// VK_FORMAT_UNDEFINED for anything but packed RGB. Alpha or padding makes no
/// difference to a copy.
VkFormat to_vulkan(Fourcc format);

/// True for a block-linear layout of NVIDIA whose compression field is not zero (drm_fourcc.h,
/// DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D, bits 25:23).
bool is_compressed(Modifier modifier);

/// Best first: uncompressed tiled, compressed, LINEAR; otherwise in the driver's order.
void sort_best_first(std::vector<Modifier>& modifiers);

/// How LINEAR memory can be used.
struct BufferSupport {
  bool importable = false;
  bool in_place = false;  // what was imported may be exported again as OPAQUE_FD
};
BufferSupport query_buffer_support(const Device& device);

/// The modifiers with one memory plane that can be imported as an image to copy from, in the
/// driver's order.
std::vector<Modifier> query_modifiers(const Device& device, Fourcc format);

/// Whether an image of this layout and size can be imported. kFormatRejected where it can't.
Result<void> check_image(const Device& device, Fourcc format, Modifier modifier, Extent size);

/// All that the device can take; no entry without modifiers.
std::vector<FormatOffer> query_offers(const Device& device);

}  // namespace lumen::vulkan
