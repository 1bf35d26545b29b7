// Rules of the API that a driver lets pass, or not, and the stand-in reports.
#include <chrono>
#include <thread>

#include "fixture.h"

namespace lumen::sim {
namespace {

using testing::HasSubstr;

using Rules = SimCuda;

TEST_F(Rules, CallsNeedACurrentContext) {
  CUdeviceptr address = 0;
  std::thread([&] { EXPECT_EQ(cuda.cuMemAlloc_v2(&address, 16), kInvalidContext); }).join();
  EXPECT_THAT(take_violations(), HasSubstr("cuMemAlloc_v2: called without a current context"));
}

TEST_F(Rules, PushAndPopGoInPairs) {
  std::thread([&] { EXPECT_EQ(cuda.cuCtxPushCurrent_v2(context), CUDA_SUCCESS); }).join();
  EXPECT_THAT(take_violations(), HasSubstr("a thread ended with 1 contexts pushed and not popped"));
  std::thread([&] { EXPECT_EQ(cuda.cuCtxPopCurrent_v2(nullptr), kInvalidContext); }).join();
  EXPECT_THAT(take_violations(), HasSubstr("nothing was pushed on this thread"));
}

TEST_F(Rules, WhatIsLeftInAContextIsReported) {
  const CUstream stream = make_stream();
  static_cast<void>(stream);
  static_cast<void>(allocate(16));
  EXPECT_EQ(control.live_handles(), 3U);  // and the reference to the context
  EXPECT_EQ(cuda.cuCtxPopCurrent_v2(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
  context = nullptr;
  EXPECT_THAT(take_violations(),
              HasSubstr("context destroyed with 1 device allocation, 1 stream alive"));
  EXPECT_EQ(control.live_handles(), 0U);
  EXPECT_EQ(cuda.cuDevicePrimaryCtxRelease_v2(0), kInvalidContext);
  EXPECT_THAT(take_violations(), HasSubstr("released more often than retained"));
}

TEST_F(Rules, AContextIsNotReleasedWhileItIsCurrent) {
  EXPECT_EQ(cuda.cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
  EXPECT_THAT(take_violations(), HasSubstr("destroyed while it is current"));
  EXPECT_EQ(cuda.cuCtxPopCurrent_v2(nullptr), CUDA_SUCCESS);
  context = nullptr;
}

TEST_F(Rules, StaleHandlesAreKnown) {
  const CUstream stream = make_stream();
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), kInvalidHandle);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), kInvalidHandle);
  CUevent event = nullptr;
  EXPECT_EQ(cuda.cuEventCreate(&event, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuEventDestroy_v2(event), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuEventRecord(event, nullptr), kInvalidHandle);
  const std::string said = take_violations();
  EXPECT_THAT(said, HasSubstr("cuStreamSynchronize: no such stream"));
  EXPECT_THAT(said, HasSubstr("cuStreamDestroy_v2: no such stream"));
  EXPECT_THAT(said, HasSubstr("cuEventRecord: no such event"));
}

TEST_F(Rules, HostFunctionsMakeNoCudaCalls) {
  const CUstream stream = make_stream();
  EXPECT_EQ(cuda.cuLaunchHostFunc(
                stream,
                [](void* data) {
                  const auto& api = *static_cast<const Api*>(data);
                  EXPECT_EQ(api.cuStreamSynchronize(nullptr), kNotPermitted);
                },
                &cuda),
            CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(take_violations(), HasSubstr("called inside a host function"));
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(Rules, AnArrayInUseIsNotDestroyed) {
  const CUstream stream = make_stream();
  CUDA_ARRAY3D_DESCRIPTOR description{};
  description.Width = description.Height = 4;
  description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
  description.NumChannels = 4;
  CUarray array = nullptr;
  ASSERT_EQ(cuda.cuArray3DCreate_v2(&array, &description), CUDA_SUCCESS);
  const auto host = allocate_host(64);
  CUDA_MEMCPY2D copy{};
  copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
  copy.srcArray = array;
  copy.dstMemoryType = CU_MEMORYTYPE_HOST;
  copy.dstHost = host.data();
  copy.dstPitch = 16;
  copy.WidthInBytes = 16;
  copy.Height = 4;
  EXPECT_EQ(cuda.cuMemcpy2DAsync_v2(&copy, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuArrayDestroy(array), CUDA_SUCCESS);
  EXPECT_THAT(take_violations(), HasSubstr("destroys an array that queued work uses"));
  EXPECT_EQ(cuda.cuMemFreeHost(host.data()), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

// Failure rules.

TEST_F(Rules, TheNthCallFails) {
  control.reset();
  ASSERT_EQ(control.set_fail("cuMemAlloc_v2@2=2,cuStreamCreate@1+=700"), 1);
  const CUdeviceptr first = allocate(16);
  CUdeviceptr second = 0;
  EXPECT_EQ(cuda.cuMemAlloc_v2(&second, 16), kOutOfMemory);
  const CUdeviceptr third = allocate(16);
  CUstream stream = nullptr;
  EXPECT_EQ(cuda.cuStreamCreate(&stream, 0), kIllegalAddress);
  EXPECT_EQ(cuda.cuStreamCreate(&stream, 0), kIllegalAddress);
  EXPECT_EQ(control.calls("cuMemAlloc_v2"), 3U);
  EXPECT_EQ(control.calls("cuMemAlloc_v2,cuStreamCreate"), 5U);
  EXPECT_EQ(control.calls("*"), 5U);
  EXPECT_EQ(cuda.cuMemFree_v2(first), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemFree_v2(third), CUDA_SUCCESS);
}

TEST_F(Rules, AReleaseThatFailsHappensAllTheSame) {
  const CUdeviceptr address = allocate(16);
  ASSERT_EQ(control.set_fail("cuMemFree_v2@1=700"), 1);
  EXPECT_EQ(cuda.cuMemFree_v2(address), kIllegalAddress);
  EXPECT_EQ(control.live_handles(), 1U) << control.live_names();
}

TEST_F(Rules, ForAnyCall) {
  control.reset();
  ASSERT_EQ(control.set_fail("*@2=999"), 1);
  CUdeviceptr first = 0;
  CUevent event = nullptr;
  EXPECT_EQ(cuda.cuMemAlloc_v2(&first, 16), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuEventCreate(&event, 0), kUnknown);
  EXPECT_EQ(cuda.cuMemFree_v2(first), CUDA_SUCCESS);
}

TEST_F(Rules, StrangeRulesAreRefused) {
  EXPECT_EQ(control.set_fail("cuMemAlloc_v2"), 0);
  EXPECT_EQ(control.set_fail("cuMemAlloc_v2@x=2"), 0);
  EXPECT_EQ(control.set_fail("cuMemAlloc_v2@1=two"), 0);
  EXPECT_EQ(control.set_mode("sometimes"), 0);
}

TEST_F(Rules, ALostContextStaysLostUntilAllReferencesAreGone) {
  const CUstream stream = make_stream();
  bool ran = false;
  EXPECT_EQ(cuda.cuLaunchHostFunc(
                stream, [](void* data) { *static_cast<bool*>(data) = true; }, &ran),
            CUDA_SUCCESS);
  control.kill_context();
  control.set_idle_ms(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));  // the queue would run now
  CUdeviceptr address = 0;
  CUcontext again = nullptr;
  EXPECT_EQ(cuda.cuMemAlloc_v2(&address, 16), kContextIsDestroyed);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), kContextIsDestroyed);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), kContextIsDestroyed);
  EXPECT_EQ(cuda.cuCtxPushCurrent_v2(context), kContextIsDestroyed);
  EXPECT_EQ(cuda.cuDevicePrimaryCtxRetain(&again, 0), kContextIsDestroyed);
  EXPECT_EQ(cuda.cuCtxPopCurrent_v2(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
  EXPECT_FALSE(ran);
  ASSERT_EQ(cuda.cuDevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
  EXPECT_NE(again, context);
  context = again;
  ASSERT_EQ(cuda.cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemFree_v2(allocate(16)), CUDA_SUCCESS);
}

}  // namespace
}  // namespace lumen::sim
