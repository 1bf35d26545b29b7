#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

namespace lumen::sim {
namespace {

using testing::Each;
using testing::HasSubstr;

using Memory = SimCuda;

bool is_open(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0;
}

CUDA_EXTERNAL_MEMORY_HANDLE_DESC opaque_fd(int fd, std::size_t size) {
  CUDA_EXTERNAL_MEMORY_HANDLE_DESC description{};
  description.type = CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD;
  description.handle.fd = fd;
  description.size = size;
  return description;
}

TEST_F(Memory, IsPoisonedAndNoAddressComesTwice) {
  const CUdeviceptr first = allocate(100);
  EXPECT_THAT(download(first, 100), Each(0xA5));
  EXPECT_EQ(cuda.cuMemFree_v2(first), CUDA_SUCCESS);
  const CUdeviceptr second = allocate(100);
  EXPECT_NE(first, second);
  EXPECT_EQ(cuda.cuMemFree_v2(second), CUDA_SUCCESS);
}

TEST_F(Memory, TheHostCannotTouchIt) {
  const CUdeviceptr address = allocate(16);
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const volatile auto* byte = reinterpret_cast<const volatile char*>(address);
        static_cast<void>(*byte);
      },
      "");
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
}

TEST_F(Memory, CopiesOutOfBoundsAreRefused) {
  CUdeviceptr address = 0;
  std::size_t pitch = 0;
  ASSERT_EQ(cuda.cuMemAllocPitch_v2(&address, &pitch, 100, 10, 4), CUDA_SUCCESS);
  EXPECT_EQ(pitch % 512, 0U);
  std::vector<std::uint8_t> host(pitch * 11);
  CUDA_MEMCPY2D copy{};
  copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.srcDevice = address;
  copy.srcPitch = pitch;
  copy.dstMemoryType = CU_MEMORYTYPE_HOST;
  copy.dstHost = host.data();
  copy.dstPitch = pitch;
  copy.WidthInBytes = 100;
  copy.Height = 10;
  EXPECT_EQ(cuda.cuMemcpy2D_v2(&copy), CUDA_SUCCESS);
  copy.Height = 11;
  EXPECT_EQ(cuda.cuMemcpy2D_v2(&copy), kInvalidValue);
  EXPECT_THAT(take_violations(), HasSubstr("cuMemcpy2D_v2: reaches 100 bytes past allocation"));
  copy.Height = 10;
  copy.dstPitch = 99;
  EXPECT_EQ(cuda.cuMemcpy2D_v2(&copy), kInvalidValue);
  EXPECT_THAT(take_violations(), HasSubstr("a row of 100 bytes and a pitch of 99"));
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemcpyDtoH_v2(host.data(), address, 1), kInvalidValue);
  EXPECT_EQ(cuda.cuMemFree_v2(address), kInvalidValue);
  const std::string said = take_violations();
  EXPECT_THAT(said, HasSubstr("cuMemcpyDtoH_v2: device address of memory that is freed"));
  EXPECT_THAT(said, HasSubstr("cuMemFree_v2: not an address that was allocated, or freed before"));
}

TEST_F(Memory, ArraysTakeRectanglesAndKeepTheirBounds) {
  CUDA_ARRAY3D_DESCRIPTOR description{};
  description.Width = 8;
  description.Height = 4;
  description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
  description.NumChannels = 4;
  CUarray array = nullptr;
  ASSERT_EQ(cuda.cuArray3DCreate_v2(&array, &description), CUDA_SUCCESS);
  std::vector<std::uint8_t> pixels(8 * 4 * 4);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
  CUDA_MEMCPY2D copy{};
  copy.srcMemoryType = CU_MEMORYTYPE_HOST;
  copy.srcHost = pixels.data();
  copy.srcPitch = 32;
  copy.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  copy.dstArray = array;
  copy.WidthInBytes = 32;
  copy.Height = 4;
  EXPECT_EQ(cuda.cuMemcpy2D_v2(&copy), CUDA_SUCCESS);
  std::array<std::uint8_t, 16> part{};
  CUDA_MEMCPY2D back{};
  back.srcMemoryType = CU_MEMORYTYPE_ARRAY;
  back.srcArray = array;
  back.srcXInBytes = 24;
  back.srcY = 2;
  back.dstMemoryType = CU_MEMORYTYPE_HOST;
  back.dstHost = part.data();
  back.dstPitch = 8;
  back.WidthInBytes = 8;
  back.Height = 2;
  EXPECT_EQ(cuda.cuMemcpy2D_v2(&back), CUDA_SUCCESS);
  EXPECT_EQ(part[0], 2 * 32 + 24);
  EXPECT_EQ(part[15], 127);
  back.srcY = 3;
  EXPECT_EQ(cuda.cuMemcpy2D_v2(&back), kInvalidValue);
  EXPECT_THAT(take_violations(), HasSubstr("reaches past an array of 32×4 bytes"));
  EXPECT_EQ(cuda.cuArrayDestroy(array), CUDA_SUCCESS);
}

TEST_F(Memory, FreeingFinishesTheWorkThatUsesIt) {
  const CUstream stream = make_stream();
  const CUdeviceptr address = allocate(32);
  const auto host = allocate_host(32);
  EXPECT_EQ(cuda.cuMemsetD2D8Async(address, 8, 2, 8, 4, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemcpyDtoHAsync_v2(host.data(), address, 32, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
  EXPECT_THAT(host, Each(2));
  EXPECT_EQ(cuda.cuMemFreeHost(host.data()), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(Memory, ExternalMemoryIsTheSameMemory) {
  constexpr std::size_t kSize = 8192;
  const int fd = ::memfd_create("exported", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, kSize), 0);
  auto* shared =
      static_cast<std::uint8_t*>(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  const auto description = opaque_fd(fd, kSize);
  CUexternalMemory memory = nullptr;
  ASSERT_EQ(cuda.cuImportExternalMemory(&memory, &description), CUDA_SUCCESS);
  EXPECT_FALSE(is_open(fd)) << "CUDA owns the fd after an import";
  CUdeviceptr address = 0;
  CUDA_EXTERNAL_MEMORY_BUFFER_DESC buffer{};
  buffer.offset = 4096;
  buffer.size = 4096;
  ASSERT_EQ(cuda.cuExternalMemoryGetMappedBuffer(&address, memory, &buffer), CUDA_SUCCESS);
  std::memset(shared + 4096, 0x42, 4096);
  EXPECT_THAT(download(address, 4096), Each(0x42));
  std::memset(shared + 4096, 0x43, 4096);  // a later picture
  EXPECT_THAT(download(address, 4096), Each(0x43));
  buffer.size = 4097;
  CUdeviceptr more = 0;
  EXPECT_EQ(cuda.cuExternalMemoryGetMappedBuffer(&more, memory, &buffer), kInvalidValue);
  EXPECT_THAT(take_violations(), HasSubstr("maps more than the external memory has"));
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDestroyExternalMemory(memory), CUDA_SUCCESS);
  ::munmap(shared, kSize);
}

// What lavapipe exports: a header, then the data, its offset written twice.
TEST_F(Memory, ExternalMemoryOfMesaBeginsBehindItsHeader) {
  constexpr std::size_t kSize = 4096;
  constexpr std::size_t kOffset = 4096;
  constexpr std::size_t kFile = kOffset + kSize + 48;
  const int fd = ::memfd_create("mesa", MFD_CLOEXEC);
  std::vector<std::uint8_t> file(kFile, 0x11);
  const std::uint64_t header[2] = {kFile, kOffset};
  std::memcpy(file.data(), header, sizeof header);
  std::memcpy(file.data() + kOffset - 8, &header[1], 8);
  std::memset(file.data() + kOffset, 0x77, kSize);
  ASSERT_EQ(::write(fd, file.data(), kFile), static_cast<ssize_t>(kFile));
  const auto description = opaque_fd(fd, kSize);
  CUexternalMemory memory = nullptr;
  ASSERT_EQ(cuda.cuImportExternalMemory(&memory, &description), CUDA_SUCCESS);
  CUdeviceptr address = 0;
  CUDA_EXTERNAL_MEMORY_BUFFER_DESC buffer{};
  buffer.size = kSize;
  ASSERT_EQ(cuda.cuExternalMemoryGetMappedBuffer(&address, memory, &buffer), CUDA_SUCCESS);
  EXPECT_THAT(download(address, kSize), Each(0x77));
  EXPECT_EQ(cuda.cuMemFree_v2(address), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuDestroyExternalMemory(memory), CUDA_SUCCESS);
}

TEST_F(Memory, ARefusedImportLeavesTheFdToItsOwner) {
  const int fd = ::memfd_create("small", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 4096), 0);
  CUexternalMemory memory = nullptr;
  auto description = opaque_fd(fd, 8192);
  EXPECT_EQ(cuda.cuImportExternalMemory(&memory, &description), kUnknown) << "larger than the file";
  description.size = 4096;
  description.type = static_cast<CUexternalMemoryHandleType>(5);
  EXPECT_EQ(cuda.cuImportExternalMemory(&memory, &description), kNotSupported);
  int pipe_fds[2] = {-1, -1};
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  const auto of_pipe = opaque_fd(pipe_fds[0], 4096);
  EXPECT_EQ(cuda.cuImportExternalMemory(&memory, &of_pipe), kUnknown);
  for (const int open : {fd, pipe_fds[0], pipe_fds[1]}) {
    EXPECT_TRUE(is_open(open));
    ::close(open);
  }
}

}  // namespace
}  // namespace lumen::sim
