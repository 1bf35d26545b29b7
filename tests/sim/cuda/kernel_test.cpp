#include "fixture.h"
#include "zerocopy/cuda/kernels/blend_kernel.h"
#include "zerocopy/cuda/kernels/convert_kernel.h"

namespace lumen::sim {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr char kText[] =
    ".version 6.3\n.target sm_50\n"
    ".visible .entry lumen_convert_yuv(\n) { ret; }\n"
    ".visible .entry lumen_convert_yuv_ten(\n) { ret; }\n"
    ".visible .entry lumen_convert_packed(\n) { ret; }\n"
    ".visible .entry lumen_blend(\n) { ret; }\n"
    ".visible .entry somebody_elses(\n) { ret; }\n";
constexpr int kKernelWidth = 8;
constexpr int kKernelHeight = 4;
constexpr std::size_t kRow = kKernelWidth * 4;

class Kernels : public SimCuda {
 protected:
  void SetUp() override {
    SimCuda::SetUp();
    stream = make_stream();
    ASSERT_EQ(cuda.cuModuleLoadData(&module, kText), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuModuleGetFunction(&packed, module, cuda::kConvertPackedKernel), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuModuleGetFunction(&yuv, module, cuda::kConvertYuvKernel), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuModuleGetFunction(&blend, module, cuda::kBlendKernel), CUDA_SUCCESS);
    ASSERT_EQ(cuda.cuModuleGetFunction(&ten, module, cuda::kConvertYuvTenKernel), CUDA_SUCCESS);
    source = allocate(kRow * kKernelHeight);
    target = allocate(kRow * kKernelHeight);
    std::vector<std::uint8_t> pixels(kRow * kKernelHeight);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
    ASSERT_EQ(cuda.cuMemcpyHtoD_v2(source, pixels.data(), pixels.size()), CUDA_SUCCESS);
  }
  void TearDown() override {
    EXPECT_EQ(cuda.cuMemFree_v2(source), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuMemFree_v2(target), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuModuleUnload(module), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
    SimCuda::TearDown();
  }
  cuda::ConvertParams params() const {
    cuda::ConvertParams p{};
    p.source = source;
    p.source_pitch = kRow;
    p.source_width = p.crop_width = p.width = p.inner_width = kKernelWidth;
    p.source_height = p.crop_height = p.height = p.inner_height = kKernelHeight;
    p.planes[0] = target;
    p.pitches[0] = kRow;
    return p;
  }
  /// The first samples of `source` over all of `target`, as bytes.
  cuda::BlendParams blending() const {
    cuda::BlendParams p{};
    p.target = target;
    p.overlay = source;
    p.pitch = kRow;
    p.step = 4;
    p.width = 4;
    p.height = 2;
    return p;
  }
  template <typename Params>
  CUresult launch(CUfunction function, Params p, unsigned blocks_x = 1) {
    void* arguments[] = {&p};
    return cuda.cuLaunchKernel(function, blocks_x, 1, 1, cuda::kThreadsX, cuda::kThreadsY, 1, 0,
                               stream, arguments, nullptr);
  }

  CUstream stream = nullptr;
  CUmodule module = nullptr;
  CUfunction packed = nullptr;
  CUfunction yuv = nullptr;
  CUfunction ten = nullptr;
  CUfunction blend = nullptr;
  CUdeviceptr source = 0;
  CUdeviceptr target = 0;
};

TEST_F(Kernels, RunWhenSomebodyWaits) {
  EXPECT_EQ(launch(packed, params()), CUDA_SUCCESS);
  EXPECT_THAT(download(target, kRow * kKernelHeight), Each(0xA5));
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(download(target, kRow * kKernelHeight), download(source, kRow * kKernelHeight));
}

TEST_F(Kernels, ReadTextures) {
  CUDA_ARRAY3D_DESCRIPTOR description{};
  description.Width = kKernelWidth;
  description.Height = kKernelHeight;
  description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
  description.NumChannels = 4;
  CUarray array = nullptr;
  ASSERT_EQ(cuda.cuArray3DCreate_v2(&array, &description), CUDA_SUCCESS);
  CUDA_MEMCPY2D copy{};
  copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.srcDevice = source;
  copy.srcPitch = kRow;
  copy.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  copy.dstArray = array;
  copy.WidthInBytes = kRow;
  copy.Height = kKernelHeight;
  EXPECT_EQ(cuda.cuMemcpy2DAsync_v2(&copy, stream), CUDA_SUCCESS);
  CUDA_RESOURCE_DESC resource{};
  resource.resType = CU_RESOURCE_TYPE_ARRAY;
  resource.res.array.hArray = array;
  CUDA_TEXTURE_DESC how{};
  how.flags = CU_TRSF_READ_AS_INTEGER;
  CUtexObject texture = 0;
  ASSERT_EQ(cuda.cuTexObjectCreate(&texture, &resource, &how, nullptr), CUDA_SUCCESS);
  auto p = params();
  p.source = 0;
  p.texture = texture;
  EXPECT_EQ(launch(packed, p), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuTexObjectDestroy(texture), CUDA_SUCCESS);
  EXPECT_THAT(take_violations(), HasSubstr("destroys a texture object that queued work uses"));
  EXPECT_EQ(download(target, kRow * kKernelHeight), download(source, kRow * kKernelHeight));
  EXPECT_EQ(launch(packed, p), kIllegalAddress);
  EXPECT_THAT(take_violations(), HasSubstr("no such texture object"));
  EXPECT_EQ(cuda.cuArrayDestroy(array), CUDA_SUCCESS);
}

TEST_F(Kernels, WriteNv12) {
  auto p = params();
  p.planes[1] = target + kKernelWidth * kKernelHeight;
  p.planes[2] = p.planes[1] + 1;
  p.pitches[0] = p.pitches[1] = p.pitches[2] = kKernelWidth;
  p.chroma_step = 2;
  p.luma_bias = 16 << 16;
  p.chroma_bias = 128 << 16;
  EXPECT_EQ(launch(yuv, p), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(download(target, kKernelWidth * kKernelHeight), Each(16));
  EXPECT_THAT(download(p.planes[1], kKernelWidth * kKernelHeight / 2), Each(128));
  EXPECT_THAT(download(p.planes[1] + kKernelWidth * kKernelHeight / 2, 1), Each(0xA5))
      << "wrote too far";
}

// 8x4 words of luma, then 4x2 pairs of them: 32 of the 128 bytes are left.
TEST_F(Kernels, WriteP010) {
  auto p = params();
  p.planes[1] = target + 2 * kKernelWidth * kKernelHeight;
  p.planes[2] = p.planes[1] + 2;
  p.pitches[0] = p.pitches[1] = p.pitches[2] = 2 * kKernelWidth;
  p.chroma_step = 4;
  p.luma_bias = 16 << 16;
  p.chroma_bias = (128 << 16) + (1 << 14);
  EXPECT_EQ(launch(ten, p), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  const auto words = [&](CUdeviceptr from, std::size_t count) {
    const auto bytes = download(from, count * 2);
    std::vector<int> result;
    for (std::size_t i = 0; i < bytes.size(); i += 2)
      result.push_back(bytes[i] | bytes[i + 1] << 8);
    return result;
  };
  EXPECT_THAT(words(target, kKernelWidth * kKernelHeight), Each(64 << 6));
  EXPECT_THAT(words(p.planes[1], kKernelWidth * kKernelHeight / 2), Each(513 << 6));
  EXPECT_THAT(download(p.planes[1] + kKernelWidth * kKernelHeight, 32), Each(0xA5))
      << "wrote too far";
  p.planes[0] += 1;
  EXPECT_EQ(launch(ten, p), kIllegalAddress);
  EXPECT_THAT(take_violations(), HasSubstr("odd address"));
  p = params();
  p.pitches[0] = 2 * kKernelWidth;
  p.full_chroma = 1;
  p.planes[1] = p.planes[0];
  p.planes[2] = target + kRow * kKernelHeight - 2;
  p.pitches[1] = p.pitches[2] = 2 * kKernelWidth;
  EXPECT_EQ(launch(ten, p), kIllegalAddress) << "4:4:4 has whole planes of chroma";
  EXPECT_THAT(take_violations(), HasSubstr("past allocation"));
}

TEST_F(Kernels, OutOfBoundsIsFoundAtTheLaunch) {
  auto p = params();
  p.source_height = kKernelHeight + 1;
  EXPECT_EQ(launch(packed, p), kIllegalAddress);
  EXPECT_THAT(take_violations(), HasSubstr("past allocation"));
  p = params();
  p.pitches[0] = kRow + 4;
  EXPECT_EQ(launch(packed, p), kIllegalAddress);
  EXPECT_THAT(take_violations(), HasSubstr("past allocation"));
  p = params();
  p.crop_x = 1;
  EXPECT_EQ(launch(packed, p), kIllegalAddress);
  EXPECT_THAT(take_violations(), HasSubstr("outside of its pictures"));
}

TEST_F(Kernels, OnlyOnesThatItKnows) {
  CUfunction function = nullptr;
  EXPECT_EQ(cuda.cuModuleGetFunction(&function, module, "somebody_elses"), kNotFound);
  EXPECT_EQ(cuda.cuModuleGetFunction(&function, module, "nobodys"), kNotFound);
  CUmodule other = nullptr;
  EXPECT_EQ(cuda.cuModuleLoadData(&other, "no PTX"), kInvalidImage);
}

TEST_F(Kernels, LayAPointerOverAPicture) {
  std::vector<cuda::OverlaySample> over(8, {0, 0});
  over[1] = {200 << cuda::kOpaqueBits, cuda::kOpaque};
  over[6] = {50 << cuda::kOpaqueBits, cuda::kOpaque / 2};
  ASSERT_EQ(cuda.cuMemcpyHtoD_v2(source, over.data(), over.size() * sizeof over[0]), CUDA_SUCCESS);
  EXPECT_EQ(launch(blend, blending()), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  std::vector<std::uint8_t> expected(kRow * kKernelHeight, 0xA5);
  expected[4] = 200;
  expected[kRow + 8] = 133;  // 50 + 0xA5 / 2
  EXPECT_EQ(download(target, kRow * kKernelHeight), expected);
}

TEST_F(Kernels, ThatLayAPointerBesideThePictureAreViolations) {
  const auto refused = [&](cuda::BlendParams p, const char* why) {
    EXPECT_NE(launch(blend, p), CUDA_SUCCESS) << why;
    EXPECT_NE(take_violations(), "") << why;
  };
  auto p = blending();
  p.width = kKernelWidth * kKernelHeight;
  refused(p, "outside of the target");
  p = blending();
  p.height = 0;
  refused(p, "nothing");
  p = blending();
  p.overlay = 0;
  refused(p, "no overlay");
}

}  // namespace
}  // namespace lumen::sim
