// EGLImages of producers' dmabufs: what can be imported here, and importing it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "capture/capture_source.h"
#include "core/error.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/egl/gl_context.h"
#include "zerocopy/egl/settings.h"

namespace lumen::egl {

struct ImageDeleter {
  std::shared_ptr<const Display> display;
  void operator()(void* image) const {
    if (image != EGL_NO_IMAGE_KHR) display->destroy_image(display->handle(), image);
  }
};
/// Owned EGLImageKHR. It keeps the memory alive, not the descriptors it was made from.
using Image = std::unique_ptr<void, ImageDeleter>;

enum class ImageUse {
  kCuda,     // registered with CUDA as it is
  kTexture,  // sampled by GL
};

/// One thread, with make_current() of context() done before import().
class ImageImporter {
 public:
  /// Initializes a display on CUDA's GPU and a context on it, which is then current.
  /// Error: kUnsupported.
  static Result<std::unique_ptr<ImageImporter>> create(const cuda::DeviceInfo& device,
                                                       EglSettings settings, ImageUse use);

  /// What import() takes, best first; never an entry without modifiers.
  [[nodiscard]] std::vector<FormatOffer> offers() const;

  /// True where GL may sample this layout through samplerExternalOES only.
  [[nodiscard]] bool external_only(Fourcc format, Modifier modifier) const;

  /// Errors: kFormatRejected, this layout can't be imported; kDeviceLost, none can any more.
  Result<Image> import(const CapturedFrame& frame, const DmaBufImage& image) const;

  [[nodiscard]] GlContext& context() const { return *context_; }

 private:
  struct Format {
    Fourcc format = Fourcc::kNone;
    Fourcc label = Fourcc::kNone;  // the fourcc that EGL is told
    std::vector<ImageLayout> layouts;
  };

  ImageImporter(EglSettings settings, ImageUse use) : settings_(std::move(settings)), use_(use) {}
  Result<void> query_formats();
  [[nodiscard]] const Format* find(Fourcc format) const;
  [[nodiscard]] const ImageLayout* find(Fourcc format, Modifier modifier) const;
  Result<EGLImageKHR> import_dmabuf(const CapturedFrame& frame, const DmaBufImage& image) const;
  [[nodiscard]] tl::unexpected<Error> refused() const;

  EglSettings settings_;
  ImageUse use_;
  std::shared_ptr<const Display> display_;
  std::unique_ptr<GlContext> context_;
  std::vector<Format> formats_;
};

/// The same bytes with the fourth one called alpha: XR24 → AR24, XB24 → AB24, others unchanged.
Fourcc with_alpha(Fourcc format);

}  // namespace lumen::egl
