// The NVENC stand-in as Windows programs find NVIDIA's library: by its name, in the system's
// folder.
#pragma once

#include <gtest/gtest.h>

#include "sim/nvenc/control.h"

namespace lumen::test {

/// Loaded once and kept.
inline HMODULE nvenc_dll() {
  static const HMODULE library =
      ::LoadLibraryExA("nvEncodeAPI64.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  return library;
}

class NvencDll : public sim::NvencControl {
 public:
  NvencDll() : NvencControl(nvenc_dll()) {}

  void start() const {
    ASSERT_TRUE(ok()) << "nvEncodeAPI64.dll: error " << ::GetLastError();
    reset();
    ASSERT_EQ(live_handles(), 0U) << live_names();
  }
  /// Whatever breaks a rule or is left behind fails the test.
  void finish() const {
    set_fail("");
    EXPECT_STREQ(violations(), "");
    EXPECT_STREQ(live_names(), "");
    reset();
  }
};

}  // namespace lumen::test
