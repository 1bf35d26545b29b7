#include "zerocopy/egl/driver.h"

#include <utility>

#include <dlfcn.h>
#include <fmt/format.h>

#include "platform/dynamic_library.h"

namespace lumen::egl {

bool has_extension(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t end = list.find(' ');
    if (list.substr(0, end) == name) return true;
    if (end == std::string_view::npos) return false;
    list.remove_prefix(end + 1);
  }
  return false;
}

std::string error_name(EGLint code) {
  switch (code) {
    case EGL_SUCCESS: return "EGL_SUCCESS";
    case EGL_NOT_INITIALIZED: return "EGL_NOT_INITIALIZED";
    case EGL_BAD_ACCESS: return "EGL_BAD_ACCESS";
    case EGL_BAD_ALLOC: return "EGL_BAD_ALLOC";
    case EGL_BAD_ATTRIBUTE: return "EGL_BAD_ATTRIBUTE";
    case EGL_BAD_CONTEXT: return "EGL_BAD_CONTEXT";
    case EGL_BAD_CONFIG: return "EGL_BAD_CONFIG";
    case EGL_BAD_CURRENT_SURFACE: return "EGL_BAD_CURRENT_SURFACE";
    case EGL_BAD_DISPLAY: return "EGL_BAD_DISPLAY";
    case EGL_BAD_SURFACE: return "EGL_BAD_SURFACE";
    case EGL_BAD_MATCH: return "EGL_BAD_MATCH";
    case EGL_BAD_PARAMETER: return "EGL_BAD_PARAMETER";
    case EGL_BAD_NATIVE_PIXMAP: return "EGL_BAD_NATIVE_PIXMAP";
    case EGL_BAD_NATIVE_WINDOW: return "EGL_BAD_NATIVE_WINDOW";
    case EGL_CONTEXT_LOST: return "EGL_CONTEXT_LOST";
    case EGL_BAD_DEVICE_EXT: return "EGL_BAD_DEVICE_EXT";
    default: return fmt::format("EGL error {:#x}", code);
  }
}

tl::unexpected<Error> Driver::error(ErrorKind kind, std::string_view call, std::string hint) const {
  const EGLint code = eglGetError();
  Error error;
  error.kind = kind;
  error.message = fmt::format("{}: {}", call, error_name(code));
  error.hint = std::move(hint);
  error.domain = "egl";
  error.code = code;
  return tl::unexpected(std::move(error));
}

Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname) {
  auto library = load_library(soname);
  if (!library) return with_context("EGL", std::move(library.error()));
  // Never unloaded: drivers below it leave exit handlers and per-thread state behind, and displays
  // that can't be reference-counted are never terminated (display.h).
  if (void* const pinned = ::dlopen(soname.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE)) {
    ::dlclose(pinned);
  }

  auto driver = std::make_shared<Driver>();
#define LUMEN_EGL_LOAD(member, type)                                                    \
  driver->member = reinterpret_cast<type>(find_symbol(*library, #member));              \
  if (driver->member == nullptr) {                                                      \
    return fail(ErrorKind::kUnsupported, fmt::format("{} has no {}", soname, #member)); \
  }
  LUMEN_EGL_CORE(LUMEN_EGL_LOAD)
#undef LUMEN_EGL_LOAD

  const char* const extensions = driver->eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);
  if (extensions == nullptr) {
    return driver->error(ErrorKind::kUnsupported, "EGL has no client extensions");
  }
  driver->client_extensions = extensions;
  // EGL_EXT_device_base is the older name of enumeration and query together.
  const bool device_base = driver->has_client("EGL_EXT_device_base");
#define LUMEN_EGL_LOAD(member, type, extension)                                      \
  if (driver->has_client(extension) ||                                               \
      (device_base && std::string_view(extension).starts_with("EGL_EXT_device_"))) { \
    driver->member = reinterpret_cast<type>(driver->eglGetProcAddress(#member));     \
  }
  LUMEN_EGL_CLIENT(LUMEN_EGL_LOAD)
#undef LUMEN_EGL_LOAD
  if (driver->eglQueryDeviceStringEXT != nullptr) {
    driver->eglQueryDeviceBinaryEXT = reinterpret_cast<PFNEGLQUERYDEVICEBINARYEXTPROC>(
        driver->eglGetProcAddress("eglQueryDeviceBinaryEXT"));
  }
  driver->library = std::shared_ptr<void>(library->release(), LibraryTraits::close);
  return driver;
}

}  // namespace lumen::egl
