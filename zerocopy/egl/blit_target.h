// The texture that the blit route draws into and CUDA reads: immutable RGBA8, registered once.
#pragma once

#include <memory>

#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cuda/texture.h"
#include "zerocopy/egl/gl_context.h"
#include "zerocopy/egl/registration.h"

namespace lumen::egl {

/// One thread, with the GL and the CUDA context current in every call, the destructor too.
class BlitTarget {
 public:
  /// Error: kUnsupported, GL or CUDA can't at this size; kDeviceLost.
  static Result<std::unique_ptr<BlitTarget>> create(std::shared_ptr<const cuda::Context> cuda,
                                                    const GlContext& gl, Extent size);
  BlitTarget(const BlitTarget&) = delete;
  ~BlitTarget();  // unmaps

  [[nodiscard]] Extent size() const { return size_; }
  [[nodiscard]] GLuint framebuffer() const { return framebuffer_; }

  /// Work queued on the stream from here on sees all that GL was told before; GL must not draw
  /// until unmap(). The texture stays this object's.
  Result<const cuda::Texture*> map();
  /// GL's next drawing runs after the work queued on the stream so far.
  Result<void> unmap();

 private:
  BlitTarget(std::shared_ptr<const cuda::Context> cuda, const GlContext& gl, Extent size)
      : cuda_(std::move(cuda)), gl_(&gl), size_(size) {}

  std::shared_ptr<const cuda::Context> cuda_;
  const GlContext* gl_;
  Extent size_;
  GLuint texture_ = 0;
  GLuint framebuffer_ = 0;
  Registration registration_;
  cuda::Texture mapping_;  // over the array that the last map() found
  bool mapped_ = false;
};

}  // namespace lumen::egl
