// A machine with an NVIDIA GPU, made of the stand-ins for libcuda and the NVENC stand-in. Whatever
// breaks a rule or leaves something behind fails the test.
#pragma once

#include <memory>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "encode/encoder_registry.h"
#include "sim/cuda/control.h"
#include "sim/nvenc/control.h"
#include "zerocopy/cuda/gpu.h"

namespace lumen::test {

/// Loaded once and kept: libraries that are there by their full path are found by their names.
inline void* cuda_stand_in() {
  static void* const library = ::dlopen(LUMEN_SIM_CUDA_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
  return library;
}
inline void* nvenc_stand_in() {
  static void* const library =
      cuda_stand_in() == nullptr ? nullptr : ::dlopen(LUMEN_SIM_NVENC_LIBRARY, RTLD_NOW);
  return library;
}

class StandIns {
 public:
  StandIns() : cuda(cuda_stand_in()), nvenc(nvenc_stand_in()) {}

  void start() {
    ASSERT_TRUE(cuda.ok() && nvenc.ok()) << ::dlerror();
    cuda.reset();
    nvenc.reset();
    ASSERT_EQ(cuda.live_handles(), 0u) << cuda.live_names();
    ASSERT_EQ(nvenc.live_handles(), 0u) << nvenc.live_names();
  }
  void finish() {
    EXPECT_STREQ(nvenc.violations(), "");
    EXPECT_STREQ(cuda.violations(), "");
    EXPECT_EQ(nvenc.live_handles(), 0u) << nvenc.live_names();
    EXPECT_EQ(cuda.live_handles(), 0u) << cuda.live_names();
    cuda.reset();
    nvenc.reset();
  }

  sim::Control cuda;
  sim::NvencControl nvenc;
};

}  // namespace lumen::test
