// What tests replace in the two EGL routes; the defaults are what lumen uses.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/egl/device.h"
#include "zerocopy/egl/modifiers.h"

namespace lumen::egl {

/// Makes the EGLImage of a frame; whoever calls it owns the image. `context` is current.
using MakeImage = std::function<Result<EGLImageKHR>(EGLDisplay display, EGLContext context,
                                                    const CapturedFrame& frame)>;

struct EglSettings {
  std::string library = "libEGL.so.1";
  DeviceKind device = DeviceKind::kMatchingGpu;
  /// Set: the display is GBM's on this DRM node, whatever the device platform has.
  std::string gbm_node;
  /// How long a frame may wait for its producer's GPU.
  std::chrono::milliseconds producer_limit{250};
  /// Set: images come from here instead of from dmabufs (a GPU without a DRM node can't import
  /// one), and `image_layouts` is offered for every format.
  MakeImage make_image;
  std::vector<ImageLayout> image_layouts{{kModifierLinear, false}};
};

}  // namespace lumen::egl
