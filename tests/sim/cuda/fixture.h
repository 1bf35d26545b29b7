// The stand-in as a program loads it, with the primary context current on the test's thread. A test
// that breaks a rule on purpose takes the violations; any that it leaves fail it, and so do objects
// that it leaves alive.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <dlfcn.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control.h"
#include "exports.h"
#include "results.h"

namespace lumen::sim {

inline void* loaded_library() {
  static void* const library = ::dlopen(LUMEN_SIM_CUDA_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  return library;
}

/// Every exported function under its own name.
struct Api {
#define LUMEN_SIM_MEMBER(name, type) \
  type* name = reinterpret_cast<type*>(::dlsym(loaded_library(), #name));
  LUMEN_SIM_CUDA_EXPORTS(LUMEN_SIM_MEMBER)
#undef LUMEN_SIM_MEMBER
};

class SimCuda : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(loaded_library(), nullptr) << ::dlerror();
    ASSERT_TRUE(control.ok());
    control.reset();
    control.set_idle_ms(
        600'000);  // nothing runs by itself: what a test sees does not depend on time
    ASSERT_EQ(cuda.cuInit(0), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
  }

  void TearDown() override {
    control.set_fail("");
    if (context != nullptr) {
      EXPECT_EQ(cuda.cuCtxPopCurrent_v2(nullptr), CUDA_SUCCESS);
      EXPECT_EQ(cuda.cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
    }
    EXPECT_STREQ(control.violations(), "");
    EXPECT_STREQ(control.live_names(), "");
    control.reset();
  }

  /// The violations so far, which are forgotten.
  std::string take_violations() {
    std::string text = control.violations();
    control.reset();
    control.set_idle_ms(600'000);
    return text;
  }

  CUstream make_stream(unsigned flags = CU_STREAM_NON_BLOCKING) {
    CUstream stream = nullptr;
    EXPECT_EQ(cuda.cuStreamCreate(&stream, flags), CUDA_SUCCESS);
    return stream;
  }
  CUdeviceptr allocate(std::size_t size) {
    CUdeviceptr address = 0;
    EXPECT_EQ(cuda.cuMemAlloc_v2(&address, size), CUDA_SUCCESS);
    return address;
  }
  /// Page-locked, so that copies to and from it are queued.
  std::span<std::uint8_t> allocate_host(std::size_t size) {
    void* memory = nullptr;
    EXPECT_EQ(cuda.cuMemHostAlloc(&memory, size, 0), CUDA_SUCCESS);
    return {static_cast<std::uint8_t*>(memory), size};
  }
  std::vector<std::uint8_t> download(CUdeviceptr address, std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    EXPECT_EQ(cuda.cuMemcpyDtoH_v2(bytes.data(), address, size), CUDA_SUCCESS);
    return bytes;
  }

  Api cuda;
  Control control{loaded_library()};
  CUcontext context = nullptr;
};

}  // namespace lumen::sim
