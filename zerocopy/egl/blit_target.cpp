#include "zerocopy/egl/blit_target.h"

#include <utility>

#include <fmt/format.h>

namespace lumen::egl {

Result<std::unique_ptr<BlitTarget>> BlitTarget::create(std::shared_ptr<const cuda::Context> cuda,
                                                       const GlContext& gl_context, Extent size) {
  const cuda::Driver& driver = cuda->driver();
  const Gles& gl = gl_context.gl();
  std::unique_ptr<BlitTarget> target(new BlitTarget(std::move(cuda), gl_context, size));
  const auto width = static_cast<GLsizei>(size.width);
  const auto height = static_cast<GLsizei>(size.height);
  gl.glGenTextures(1, &target->texture_);
  gl.glBindTexture(GL_TEXTURE_2D, target->texture_);
  // CUDA registers no texture that GL could still respecify.
  gl.glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, width, height);
  gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
  gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
  gl.glGenFramebuffers(1, &target->framebuffer_);
  gl.glBindFramebuffer(GL_FRAMEBUFFER, target->framebuffer_);
  gl.glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, target->texture_,
                            0);
  const GLenum status = gl.glCheckFramebufferStatus(GL_FRAMEBUFFER);
  if (auto ok = gl_context.check("making a texture for CUDA"); !ok) {
    return tl::unexpected(std::move(ok.error()));
  }
  if (status != GL_FRAMEBUFFER_COMPLETE) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("GL can't draw into a {}x{} texture", size.width, size.height));
  }
  CUgraphicsResource resource = nullptr;
  auto registered =
      driver.check(driver.cuGraphicsGLRegisterImage(&resource, target->texture_, GL_TEXTURE_2D,
                                                    cuda::kGraphicsRegisterReadOnly),
                   "cuGraphicsGLRegisterImage");
  if (!registered) return tl::unexpected(std::move(registered.error()));
  target->registration_ = Registration(resource, RegistrationDeleter{target->cuda_});
  return target;
}

BlitTarget::~BlitTarget() {
  static_cast<void>(unmap());
  static_cast<void>(cuda_->synchronize());
  mapping_ = {};
  registration_.reset();
  const Gles& gl = gl_->gl();
  gl.glDeleteFramebuffers(1, &framebuffer_);
  gl.glDeleteTextures(1, &texture_);
}

Result<const cuda::Texture*> BlitTarget::map() {
  const cuda::Driver& driver = cuda_->driver();
  CUgraphicsResource resource = registration_.get();
  if (!mapped_) {
    auto mapped = driver.check(driver.cuGraphicsMapResources(1, &resource, cuda_->stream()),
                               "cuGraphicsMapResources");
    if (!mapped) return tl::unexpected(std::move(mapped.error()));
    mapped_ = true;
  }
  CUarray array = nullptr;
  auto found = driver
                   .check(driver.cuGraphicsSubResourceGetMappedArray(&array, resource, 0, 0),
                          "cuGraphicsSubResourceGetMappedArray")
                   .and_then([&]() -> Result<void> {
                     // CUDA may show another array at each mapping (cuda.h); drivers do not.
                     if (array == mapping_.array()) return {};
                     auto texture = cuda::Texture::create(*cuda_, array);
                     if (!texture) return tl::unexpected(std::move(texture.error()));
                     mapping_ = std::move(*texture);
                     return {};
                   });
  if (!found) {
    static_cast<void>(unmap());
    return tl::unexpected(std::move(found.error()));
  }
  return &mapping_;
}

Result<void> BlitTarget::unmap() {
  if (!mapped_) return {};
  mapped_ = false;
  const cuda::Driver& driver = cuda_->driver();
  CUgraphicsResource resource = registration_.get();
  return driver.check(driver.cuGraphicsUnmapResources(1, &resource, cuda_->stream()),
                      "cuGraphicsUnmapResources");
}

}  // namespace lumen::egl
