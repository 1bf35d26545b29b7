// A test on the CUDA stand-in: a loaded driver, a context, and a check that nothing was left
// behind.
#pragma once

#include <memory>
#include <string>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "sim/cuda/control.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cuda/driver.h"

namespace lumen::test {

class StandInTest : public testing::Test {
 protected:
  StandInTest() : library_(::dlopen(LUMEN_SIM_CUDA_LIBRARY, RTLD_NOW)), sim_(library_) {}
  ~StandInTest() override {
    if (library_ != nullptr) ::dlclose(library_);
  }

  void SetUp() override {
    ASSERT_TRUE(sim_.ok()) << ::dlerror();
    sim_.reset();
    ASSERT_EQ(sim_.live_handles(), 0u) << sim_.live_names();
  }
  void TearDown() override {
    if (!sim_.ok()) return;
    EXPECT_STREQ(sim_.violations(), "");
    EXPECT_EQ(sim_.live_handles(), 0u) << sim_.live_names();
    sim_.reset();
  }

  static Result<std::shared_ptr<cuda::Context>> open_context() {
    auto driver = cuda::load_driver(LUMEN_SIM_CUDA_LIBRARY);
    if (!driver) return tl::unexpected(driver.error());
    auto devices = cuda::list_devices(**driver);
    if (!devices) return tl::unexpected(devices.error());
    return cuda::Context::create(*driver, devices->front());
  }

  void* library_;
  sim::Control sim_;
};

}  // namespace lumen::test
