// A surfaceless GLES 3 context of our own, and GLES as a table of functions.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "zerocopy/egl/display.h"

namespace lumen::egl {

// X(member, type). All are of GLES 3.0.
#define LUMEN_GLES_REQUIRED(X)                                 \
  X(glActiveTexture, PFNGLACTIVETEXTUREPROC)                   \
  X(glAttachShader, PFNGLATTACHSHADERPROC)                     \
  X(glBindFramebuffer, PFNGLBINDFRAMEBUFFERPROC)               \
  X(glBindTexture, PFNGLBINDTEXTUREPROC)                       \
  X(glCheckFramebufferStatus, PFNGLCHECKFRAMEBUFFERSTATUSPROC) \
  X(glCompileShader, PFNGLCOMPILESHADERPROC)                   \
  X(glCreateProgram, PFNGLCREATEPROGRAMPROC)                   \
  X(glCreateShader, PFNGLCREATESHADERPROC)                     \
  X(glDeleteFramebuffers, PFNGLDELETEFRAMEBUFFERSPROC)         \
  X(glDeleteProgram, PFNGLDELETEPROGRAMPROC)                   \
  X(glDeleteShader, PFNGLDELETESHADERPROC)                     \
  X(glDeleteTextures, PFNGLDELETETEXTURESPROC)                 \
  X(glDisable, PFNGLDISABLEPROC)                               \
  X(glDrawArrays, PFNGLDRAWARRAYSPROC)                         \
  X(glFinish, PFNGLFINISHPROC)                                 \
  X(glFramebufferTexture2D, PFNGLFRAMEBUFFERTEXTURE2DPROC)     \
  X(glGenFramebuffers, PFNGLGENFRAMEBUFFERSPROC)               \
  X(glGenTextures, PFNGLGENTEXTURESPROC)                       \
  X(glGetError, PFNGLGETERRORPROC)                             \
  X(glGetIntegerv, PFNGLGETINTEGERVPROC)                       \
  X(glGetProgramInfoLog, PFNGLGETPROGRAMINFOLOGPROC)           \
  X(glGetProgramiv, PFNGLGETPROGRAMIVPROC)                     \
  X(glGetShaderInfoLog, PFNGLGETSHADERINFOLOGPROC)             \
  X(glGetShaderiv, PFNGLGETSHADERIVPROC)                       \
  X(glGetString, PFNGLGETSTRINGPROC)                           \
  X(glGetUniformLocation, PFNGLGETUNIFORMLOCATIONPROC)         \
  X(glLinkProgram, PFNGLLINKPROGRAMPROC)                       \
  X(glShaderSource, PFNGLSHADERSOURCEPROC)                     \
  X(glTexParameteri, PFNGLTEXPARAMETERIPROC)                   \
  X(glTexStorage2D, PFNGLTEXSTORAGE2DPROC)                     \
  X(glUniform1f, PFNGLUNIFORM1FPROC)                           \
  X(glUniform2f, PFNGLUNIFORM2FPROC)                           \
  X(glUseProgram, PFNGLUSEPROGRAMPROC)                         \
  X(glViewport, PFNGLVIEWPORTPROC)

struct Gles {
#define LUMEN_GLES_MEMBER(member, type) type member = nullptr;
  LUMEN_GLES_REQUIRED(LUMEN_GLES_MEMBER)
#undef LUMEN_GLES_MEMBER
  /// Null without GL_OES_EGL_image.
  PFNGLEGLIMAGETARGETTEXTURE2DOESPROC glEGLImageTargetTexture2DOES = nullptr;
  bool samples_external = false;  // GL_OES_EGL_image_external_essl3
};

/// One thread. Stays current on it between calls, since switching contexts per frame costs more
/// than a frame's work; nobody else uses GL on lumen's GPU thread. Its GL state is its owner's.
class GlContext {
 public:
  /// Leaves the context current. Error: kUnsupported, no surfaceless GLES 3 here.
  static Result<std::unique_ptr<GlContext>> create(std::shared_ptr<const Display> display);
  GlContext(const GlContext&) = delete;
  ~GlContext();  // leaves no context current if this one was

  /// Cheap where it is current already. Error: kDeviceLost.
  [[nodiscard]] Result<void> make_current() const;

  /// An error with all of GL's pending codes where a call since the last one failed.
  [[nodiscard]] Result<void> check(std::string_view what) const;

  [[nodiscard]] EGLContext handle() const { return handle_; }
  /// GL_VENDOR, GL_RENDERER and GL_VERSION; the last has the driver's own. Must be current.
  [[nodiscard]] std::string driver() const;

  [[nodiscard]] const Gles& gl() const { return gl_; }
  [[nodiscard]] const Display& display() const { return *display_; }

 private:
  explicit GlContext(std::shared_ptr<const Display> display) : display_(std::move(display)) {}
  Result<void> load();

  std::shared_ptr<const Display> display_;
  EGLContext handle_ = EGL_NO_CONTEXT;
  Gles gl_;
};

}  // namespace lumen::egl
