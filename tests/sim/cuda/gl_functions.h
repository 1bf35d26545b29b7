// EGL and GLES entry points, found at run time: the stand-in loads without them.
#pragma once

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl31.h>

#include <GLES2/gl2ext.h>  // needs the types of the header above

namespace lumen::sim {

// X(type of the function pointer, name)
#define LUMEN_SIM_EGL(X)                               \
  X(PFNEGLGETCURRENTDISPLAYPROC, eglGetCurrentDisplay) \
  X(PFNEGLGETCURRENTCONTEXTPROC, eglGetCurrentContext) \
  X(PFNEGLGETCURRENTSURFACEPROC, eglGetCurrentSurface) \
  X(PFNEGLQUERYAPIPROC, eglQueryAPI)                   \
  X(PFNEGLQUERYSTRINGPROC, eglQueryString)             \
  X(PFNEGLBINDAPIPROC, eglBindAPI)                     \
  X(PFNEGLCREATECONTEXTPROC, eglCreateContext)         \
  X(PFNEGLDESTROYCONTEXTPROC, eglDestroyContext)       \
  X(PFNEGLMAKECURRENTPROC, eglMakeCurrent)             \
  X(PFNEGLGETERRORPROC, eglGetError)

#define LUMEN_SIM_GL(X)                                        \
  X(PFNGLGETERRORPROC, glGetError)                             \
  X(PFNGLGETINTEGERVPROC, glGetIntegerv)                       \
  X(PFNGLPIXELSTOREIPROC, glPixelStorei)                       \
  X(PFNGLGENTEXTURESPROC, glGenTextures)                       \
  X(PFNGLDELETETEXTURESPROC, glDeleteTextures)                 \
  X(PFNGLBINDTEXTUREPROC, glBindTexture)                       \
  X(PFNGLBINDBUFFERPROC, glBindBuffer)                         \
  X(PFNGLTEXPARAMETERIPROC, glTexParameteri)                   \
  X(PFNGLTEXSTORAGE2DPROC, glTexStorage2D)                     \
  X(PFNGLGETTEXPARAMETERIVPROC, glGetTexParameteriv)           \
  X(PFNGLGETTEXLEVELPARAMETERIVPROC, glGetTexLevelParameteriv) \
  X(PFNGLGENFRAMEBUFFERSPROC, glGenFramebuffers)               \
  X(PFNGLDELETEFRAMEBUFFERSPROC, glDeleteFramebuffers)         \
  X(PFNGLBINDFRAMEBUFFERPROC, glBindFramebuffer)               \
  X(PFNGLFRAMEBUFFERTEXTURE2DPROC, glFramebufferTexture2D)     \
  X(PFNGLCHECKFRAMEBUFFERSTATUSPROC, glCheckFramebufferStatus) \
  X(PFNGLREADBUFFERPROC, glReadBuffer)                         \
  X(PFNGLREADPIXELSPROC, glReadPixels)                         \
  X(PFNGLVIEWPORTPROC, glViewport)                             \
  X(PFNGLCREATESHADERPROC, glCreateShader)                     \
  X(PFNGLSHADERSOURCEPROC, glShaderSource)                     \
  X(PFNGLCOMPILESHADERPROC, glCompileShader)                   \
  X(PFNGLDELETESHADERPROC, glDeleteShader)                     \
  X(PFNGLCREATEPROGRAMPROC, glCreateProgram)                   \
  X(PFNGLATTACHSHADERPROC, glAttachShader)                     \
  X(PFNGLLINKPROGRAMPROC, glLinkProgram)                       \
  X(PFNGLGETPROGRAMIVPROC, glGetProgramiv)                     \
  X(PFNGLUSEPROGRAMPROC, glUseProgram)                         \
  X(PFNGLDRAWARRAYSPROC, glDrawArrays)                         \
  X(PFNGLEGLIMAGETARGETTEXTURE2DOESPROC, glEGLImageTargetTexture2DOES)

struct GlFunctions {
#define LUMEN_SIM_MEMBER(type, name) type name = nullptr;
  LUMEN_SIM_EGL(LUMEN_SIM_MEMBER)
  LUMEN_SIM_GL(LUMEN_SIM_MEMBER)
#undef LUMEN_SIM_MEMBER
  PFNEGLEXPORTDMABUFIMAGEQUERYMESAPROC eglExportDMABUFImageQueryMESA = nullptr;  // may be absent
};

/// Null where libEGL or a function of the list is missing. Loaded once and kept.
const GlFunctions* gl_functions();

}  // namespace lumen::sim
