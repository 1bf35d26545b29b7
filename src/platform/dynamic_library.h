// A shared library loaded at run time, so that one binary runs where a driver is absent.
#pragma once

#include <string>

#include "core/error.h"
#include "platform/unique_handle.h"

namespace lumen {

struct LibraryTraits {
  using type = void*;
  static void* empty() { return nullptr; }
  static void close(void* library);
};

using DynamicLibrary = UniqueHandle<LibraryTraits>;

/// kUnsupported with the loader's own words where it can't be loaded.
Result<DynamicLibrary> load_library(const std::string& soname);

/// A function or object of the library; null where it has none of that name. Valid while the
/// library is.
void* find_symbol(const DynamicLibrary& library, const char* name);

}  // namespace lumen
