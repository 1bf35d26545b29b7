// Pixels of GL textures and EGLImages, read with the system's EGL and GLES. Where the driver shares
// memory, the stand-in reads back: at the moment that device work runs, so late reads see what the
// memory holds then.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "results.h"

namespace lumen::sim {

/// A texture of the application's own GL context.
struct GlTexture {
  unsigned name = 0;
  int width = 0;
  int height = 0;
  void* context = nullptr;  // EGLContext
};

/// The texture as the GL context that is current on this thread has it. Only what the driver takes:
/// 2D, immutable, RGBA8. `why` says what else is wrong.
CUresult gl_describe(unsigned name, unsigned target, GlTexture& texture, std::string& why);

/// Its pixels now, as R, G, B, A bytes, rows without gaps. The texture's context must be current;
/// its state is left as it was.
CUresult gl_read(const GlTexture& texture, std::byte* pixels, std::string& why);

struct EglContext;

/// An EGLImage bound to a texture of the stand-in's own context.
struct EglSource {
  std::shared_ptr<EglContext> context;
  unsigned texture = 0;
  unsigned target = 0;
  unsigned staging = 0;  // texture that an external-only image is drawn to
  int width = 0;
  int height = 0;
  bool blue_first = false;  // B, G, R, A in memory
};

/// Null: `why` says what EGL or GL answered. The calling thread must have a current EGL display.
std::shared_ptr<EglSource> egl_import(void* image, std::string& why);

/// The image's bytes now, in memory order. False with `why` where GL fails.
bool egl_read(const EglSource& source, std::byte* pixels, std::string& why);

void gl_release(EglSource& source);

}  // namespace lumen::sim
