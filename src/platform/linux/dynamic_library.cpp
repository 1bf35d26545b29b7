#include "platform/dynamic_library.h"

#include <dlfcn.h>

namespace lumen {

void LibraryTraits::close(void* library) { ::dlclose(library); }

Result<DynamicLibrary> load_library(const std::string& soname) {
  void* library = ::dlopen(soname.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(ErrorKind::kUnsupported, why == nullptr ? soname + " can't be loaded" : why);
  }
  return DynamicLibrary::take(library);
}

void* find_symbol(const DynamicLibrary& library, const char* name) {
  return ::dlsym(library.borrow(), name);
}

}  // namespace lumen
