// What the environment asks for is read at the first call, so each test runs in a process of its
// own.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "fixture.h"

namespace lumen::sim {
namespace {

using testing::HasSubstr;

class Environment : public SimCuda {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    SimCuda::SetUp();
  }
};

TEST_F(Environment, WhatIsWrongIsPrintedAtExit) {
  EXPECT_EXIT(
      {
        cuda.cuCtxPopCurrent_v2(nullptr);
        cuda.cuCtxPopCurrent_v2(nullptr);
        std::exit(0);
      },
      testing::ExitedWithCode(0),
      "1 violations:\ncuCtxPopCurrent_v2: nothing was pushed on this thread\n"
      ".*alive at exit: 1 reference to the primary context");
}

TEST_F(Environment, StrictAbortsAtTheViolation) {
  ::setenv("LUMEN_SIM_CUDA_STRICT", "1", 1);
  EXPECT_DEATH(cuda.cuMemFree_v2(1), "violation: cuMemFree_v2: not an address");
  ::unsetenv("LUMEN_SIM_CUDA_STRICT");
}

TEST_F(Environment, FailuresAndTheTrace) {
  const std::string path = testing::TempDir() + "lumen-sim-cuda-" + std::to_string(::getpid());
  ::setenv("LUMEN_SIM_CUDA_TRACE", path.c_str(), 1);
  EXPECT_EXIT(
      {
        CUdeviceptr address = 0;
        control.set_fail("cuMemAlloc_v2@1=2");
        cuda.cuMemAlloc_v2(&address, 16);
        std::_Exit(7);
      },
      testing::ExitedWithCode(7), "");
  ::unsetenv("LUMEN_SIM_CUDA_TRACE");
  std::stringstream trace;
  trace << std::ifstream(path).rdbuf();
  EXPECT_THAT(trace.str(), HasSubstr(" cuInit 0\n"));
  EXPECT_THAT(trace.str(), HasSubstr(" cuMemAlloc_v2 2\n"));
  std::remove(path.c_str());
}

TEST_F(Environment, AddressesAreReusedWhenAsked) {
  ::setenv("LUMEN_SIM_CUDA_REUSE", "1", 1);
  EXPECT_EXIT(
      {
        const CUdeviceptr first = allocate(16);
        cuda.cuMemFree_v2(first);
        std::_Exit(allocate(16) == first ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  ::unsetenv("LUMEN_SIM_CUDA_REUSE");
}

}  // namespace
}  // namespace lumen::sim
