#include "gl_functions.h"

#include <memory>

#include <dlfcn.h>

namespace lumen::sim {
namespace {

std::unique_ptr<GlFunctions> load() {
  // The application's own copy first: its display handles mean nothing to another one.
  void* egl = ::dlopen("libEGL.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (egl == nullptr) egl = ::dlopen("libEGL.so.1", RTLD_LAZY);
  if (egl == nullptr) return nullptr;
  const auto get = reinterpret_cast<PFNEGLGETPROCADDRESSPROC>(::dlsym(egl, "eglGetProcAddress"));
  if (get == nullptr) return nullptr;
  auto table = std::make_unique<GlFunctions>();
  // EGL 1.5 finds core functions with eglGetProcAddress too.
#define LUMEN_SIM_LOAD(type, name)                  \
  table->name = reinterpret_cast<type>(get(#name)); \
  if (table->name == nullptr) return nullptr;
  LUMEN_SIM_EGL(LUMEN_SIM_LOAD)
  LUMEN_SIM_GL(LUMEN_SIM_LOAD)
#undef LUMEN_SIM_LOAD
  table->eglExportDMABUFImageQueryMESA =
      reinterpret_cast<PFNEGLEXPORTDMABUFIMAGEQUERYMESAPROC>(get("eglExportDMABUFImageQueryMESA"));
  return table;
}

}  // namespace

const GlFunctions* gl_functions() {
  static const std::unique_ptr<GlFunctions> table = load();
  return table.get();
}

}  // namespace lumen::sim
