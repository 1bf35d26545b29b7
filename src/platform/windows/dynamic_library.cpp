#include "platform/dynamic_library.h"

#include <windows.h>

#include <fmt/format.h>

namespace lumen {

void LibraryTraits::close(void* library) { ::FreeLibrary(static_cast<HMODULE>(library)); }

Result<DynamicLibrary> load_library(const std::string& soname) {
  // From the system's folder only: drivers install there, and a planted file elsewhere is ignored.
  HMODULE library = ::LoadLibraryExA(soname.c_str(), nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  if (library == nullptr) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("{} can't be loaded (error {})", soname, ::GetLastError()));
  }
  return DynamicLibrary::take(library);
}

void* find_symbol(const DynamicLibrary& library, const char* name) {
  return reinterpret_cast<void*>(::GetProcAddress(static_cast<HMODULE>(library.borrow()), name));
}

}  // namespace lumen
