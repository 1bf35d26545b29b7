#include <cstdlib>
#include <cstring>

#include <ffnvcodec/dynlink_loader.h>

#include "fixture.h"
#include "zerocopy/cuda/driver.h"

namespace lumen::sim {
namespace {

TEST_F(SimCuda, HasEveryFunctionThatLumenAsksFor){
#define LUMEN_SIM_CHECK(member, type, name) \
  EXPECT_NE(::dlsym(loaded_library(), name), nullptr) << (name);
    LUMEN_CUDA_REQUIRED(LUMEN_SIM_CHECK) LUMEN_CUDA_OPTIONAL(LUMEN_SIM_CHECK)
#undef LUMEN_SIM_CHECK
}

// FFmpeg's loader opens libcuda.so.1 by name; this process has it loaded by path, under that
// soname.
TEST_F(SimCuda, FfmpegsLoaderFindsEveryFunctionThatItNeeds) {
  CudaFunctions* functions = nullptr;
  ASSERT_EQ(cuda_load_functions(&functions, nullptr), 0);
  EXPECT_EQ(functions->cuMemAlloc, cuda.cuMemAlloc_v2) << "another libcuda was loaded";
  EXPECT_NE(functions->cuDeviceGetUuid, nullptr);
  EXPECT_NE(functions->cuImportExternalMemory, nullptr);
  cuda_free_functions(&functions);
  EXPECT_EQ(cuda.cuInit(0), CUDA_SUCCESS) << "unloaded with the loader";
}

TEST_F(SimCuda, TellsTheCurrentContext) {
  CUcontext current = nullptr;
  EXPECT_EQ(cuda.cuCtxGetCurrent(&current), CUDA_SUCCESS);
  EXPECT_EQ(current, context);
  CUcontext popped = nullptr;
  ASSERT_EQ(cuda.cuCtxPopCurrent_v2(&popped), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuCtxGetCurrent(&current), CUDA_SUCCESS);
  EXPECT_EQ(current, nullptr);
  ASSERT_EQ(cuda.cuCtxPushCurrent_v2(popped), CUDA_SUCCESS);
}

TEST_F(SimCuda, DescribesOneDevice) {
  int count = 0;
  int version = 0;
  int major = 0;
  CUdevice device = -1;
  std::array<char, 64> name{};
  std::array<char, 32> bus{};
  EXPECT_EQ(cuda.cuDeviceGetCount(&count), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDriverGetVersion(&version), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDeviceGet(&device, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDeviceGet(&device, 1), kInvalidDevice);
  EXPECT_EQ(cuda.cuDeviceGetName(name.data(), 64, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDeviceGetPCIBusId(bus.data(), 32, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0),
            CUDA_SUCCESS);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(version / 1000, 12);
  EXPECT_EQ(major, 7);
  EXPECT_STREQ(name.data(), "lumen CUDA stand-in");
  EXPECT_STREQ(bus.data(), "0000:00:00.0");
}

TEST_F(SimCuda, TakesItsUuidFromTheEnvironment) {
  CUuuid uuid{};
  ASSERT_EQ(cuda.cuDeviceGetUuid(&uuid, 0), CUDA_SUCCESS);
  EXPECT_EQ(std::string(uuid.bytes, 16), "lumen-cuda-stand");
  ::setenv("LUMEN_SIM_CUDA_UUID", "00112233-44556677-8899aabbccddeeFF", 1);
  ASSERT_EQ(cuda.cuDeviceGetUuid(&uuid, 0), CUDA_SUCCESS);
  EXPECT_EQ(static_cast<unsigned char>(uuid.bytes[1]), 0x11);
  EXPECT_EQ(static_cast<unsigned char>(uuid.bytes[15]), 0xFF);
  ::setenv("LUMEN_SIM_CUDA_UUID", "not a uuid", 1);
  EXPECT_EQ(cuda.cuDeviceGetUuid(&uuid, 0), kUnknown);
  ::unsetenv("LUMEN_SIM_CUDA_UUID");
}

TEST_F(SimCuda, CountsWhatItDoesNotSupport) {
  CUlinkState state = nullptr;
  EXPECT_EQ(cuda.cuLinkCreate(0, nullptr, nullptr, &state), kNotSupported);
  CUexternalSemaphore semaphore = nullptr;
  CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC description{};
  description.type = lumen::cuda::kTimelineSemaphoreFd;
  EXPECT_EQ(cuda.cuImportExternalSemaphore(&semaphore, &description), kNotSupported);
  EXPECT_EQ(control.calls("cuLinkCreate,cuImportExternalSemaphore"), 2U);
}

TEST_F(SimCuda, NamesErrors) {
  const char* text = nullptr;
  EXPECT_EQ(cuda.cuGetErrorName(kOutOfMemory, &text), CUDA_SUCCESS);
  EXPECT_STREQ(text, "CUDA_ERROR_OUT_OF_MEMORY");
  EXPECT_EQ(cuda.cuGetErrorName(result(998), &text), kInvalidValue);
}

}  // namespace
}  // namespace lumen::sim
