// The shaders of the blit route: texel by texel from a producer's picture into B, G, R, A bytes.
#pragma once

#include <memory>
#include <string_view>

#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/egl/gl_context.h"

namespace lumen::egl {

enum class Alpha {
  kKeep,
  kOpaque,  // 255, whatever the fourth byte holds
};

/// One thread, GL current in every call, the destructor too. The GlContext must outlive it.
class BlitProgram {
 public:
  /// `texture_target`: GL_TEXTURE_2D, or GL_TEXTURE_EXTERNAL_OES where Gles::samples_external.
  /// Error: kUnsupported, with the compiler's words.
  static Result<std::unique_ptr<BlitProgram>> create(const GlContext& gl, GLenum texture_target);
  BlitProgram(const BlitProgram&) = delete;
  ~BlitProgram();

  /// Draws `texture`, of `size`, over the framebuffer's lower-left `size` pixels. Row 0 of the
  /// picture is row 0 of the framebuffer's texture.
  void draw(GLuint texture, GLuint framebuffer, Extent size, Alpha alpha) const;

 private:
  BlitProgram(const GlContext& gl, GLenum texture_target)
      : gl_(&gl.gl()), texture_target_(texture_target) {}
  Result<void> build(const GlContext& context);
  Result<void> compile(GLenum stage, std::string_view source);

  const Gles* gl_;
  GLenum texture_target_;
  GLuint program_ = 0;
  GLint opaque_ = -1;
  GLint texel_ = -1;
};

}  // namespace lumen::egl
