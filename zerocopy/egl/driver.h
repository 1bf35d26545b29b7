// libEGL.so.1 as an immutable table of functions, loaded at run time: one binary runs on a machine
// without it. What belongs to a display stands in display.h, GLES in gl.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "zerocopy/egl/headers.h"

namespace lumen::egl {

/// True where a space-separated extension list names exactly this extension.
bool has_extension(std::string_view list, std::string_view name);

/// "EGL_BAD_ALLOC", … or "EGL error 0x1234".
std::string error_name(EGLint code);

// Core functions: X(member, type).
#define LUMEN_EGL_CORE(X)                        \
  X(eglGetProcAddress, PFNEGLGETPROCADDRESSPROC) \
  X(eglGetError, PFNEGLGETERRORPROC)             \
  X(eglQueryString, PFNEGLQUERYSTRINGPROC)       \
  X(eglInitialize, PFNEGLINITIALIZEPROC)         \
  X(eglTerminate, PFNEGLTERMINATEPROC)           \
  X(eglBindAPI, PFNEGLBINDAPIPROC)               \
  X(eglChooseConfig, PFNEGLCHOOSECONFIGPROC)     \
  X(eglCreateContext, PFNEGLCREATECONTEXTPROC)   \
  X(eglDestroyContext, PFNEGLDESTROYCONTEXTPROC) \
  X(eglMakeCurrent, PFNEGLMAKECURRENTPROC)       \
  X(eglGetCurrentContext, PFNEGLGETCURRENTCONTEXTPROC)

// Client extensions: X(member, type, extension). Null where the extension string lacks it:
// eglGetProcAddress alone may return a stub for a function that nobody implements (EGL 1.5, 3.12).
#define LUMEN_EGL_CLIENT(X)                                                             \
  X(eglGetPlatformDisplayEXT, PFNEGLGETPLATFORMDISPLAYEXTPROC, "EGL_EXT_platform_base") \
  X(eglQueryDevicesEXT, PFNEGLQUERYDEVICESEXTPROC, "EGL_EXT_device_enumeration")        \
  X(eglQueryDeviceStringEXT, PFNEGLQUERYDEVICESTRINGEXTPROC, "EGL_EXT_device_query")    \
  X(eglQueryDeviceAttribEXT, PFNEGLQUERYDEVICEATTRIBEXTPROC, "EGL_EXT_device_query")

struct Driver {
#define LUMEN_EGL_MEMBER(member, type, ...) type member = nullptr;
  LUMEN_EGL_CORE(LUMEN_EGL_MEMBER)
  LUMEN_EGL_CLIENT(LUMEN_EGL_MEMBER)
#undef LUMEN_EGL_MEMBER
  /// EGL_EXT_device_persistent_id is a device extension: use it for devices that name it only.
  PFNEGLQUERYDEVICEBINARYEXTPROC eglQueryDeviceBinaryEXT = nullptr;

  std::shared_ptr<void> library;  // keeps the functions' code loaded
  std::string client_extensions;

  [[nodiscard]] bool has_client(std::string_view extension) const {
    return has_extension(client_extensions, extension);
  }
  /// An error with eglGetError()'s code. Domain "egl". Call right after the failed call.
  [[nodiscard]] tl::unexpected<Error> error(ErrorKind kind, std::string_view call,
                                            std::string hint = {}) const;
};

/// Loads the library; initializes no display. The library stays in the process from then on.
/// Error: kUnsupported, not there or older than EGL 1.5's client extensions.
Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname = "libEGL.so.1");

}  // namespace lumen::egl
