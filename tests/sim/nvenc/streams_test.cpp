// The encoder reads what its CUDA stream has done by then, and nothing later: a missing
// synchronization shows in the picture every time.
#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

class NvencStreams : public SimNvenc {
 protected:
  void SetUp() override {
    SimNvenc::SetUp();
    client = make_client();
    client->start();
    host = allocate_host(client->pitch * total_rows(client->format, client->height));
    const Bytes picture = pixels(client->format, client->width, client->height, 0);
    for (std::size_t y = 0; y < total_rows(client->format, client->height); ++y) {
      std::copy_n(picture.begin() + static_cast<std::ptrdiff_t>(y * 320), 320,
                  host.begin() + static_cast<std::ptrdiff_t>(y * client->pitch));
    }
  }
  void TearDown() override {
    client.reset();
    EXPECT_EQ(cuda.cuMemFreeHost(host.data()), CUDA_SUCCESS);
    SimNvenc::TearDown();
  }

  /// Uploads on `copy_stream` without waiting, encodes and decodes.
  double quality(CUstream copy_stream) {
    EXPECT_EQ(cuda.cuMemcpyHtoDAsync_v2(client->address, host.data(), host.size(), copy_stream),
              CUDA_SUCCESS);
    EXPECT_EQ(client->map(), NV_ENC_SUCCESS);
    EXPECT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
    NV_ENC_LOCK_BITSTREAM locked{};
    EXPECT_EQ(client->lock(locked), NV_ENC_SUCCESS);
    Decoder decoder("h264");
    const auto decoded = decoder.decode(
        {static_cast<const std::uint8_t*>(locked.bitstreamBufferPtr), locked.bitstreamSizeInBytes});
    EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
    EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
    return psnr(decoded.at(0), expected(320, 192, 0));
  }

  std::unique_ptr<Client> client;
  std::span<std::uint8_t> host;
};

TEST_F(NvencStreams, TheSessionsStreamIsWaitedFor) {
  CUstream stream = make_stream();
  ASSERT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, &stream, &stream), NV_ENC_SUCCESS);
  EXPECT_GE(quality(stream), 35);
  client.reset();
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(NvencStreams, AnotherStreamIsNot) {
  CUstream stream = make_stream();
  const CUstream other = make_stream();
  ASSERT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, &stream, &stream), NV_ENC_SUCCESS);
  EXPECT_LT(quality(other), 20);
  client.reset();
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(other), CUDA_SUCCESS);
}

TEST_F(NvencStreams, WithoutOneTheDefaultStreamIsWaitedFor) { EXPECT_GE(quality(nullptr), 35); }

TEST_F(NvencStreams, AndWithItBlockingStreams) {
  const CUstream stream = make_stream(0);
  EXPECT_GE(quality(stream), 35);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(NvencStreams, ButNoOthers) {
  const CUstream stream = make_stream();
  EXPECT_LT(quality(stream), 20);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(NvencStreams, WorkAfterTheSubmissionIsNotWaitedFor) {
  CUstream stream = make_stream();
  ASSERT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, &stream, &stream), NV_ENC_SUCCESS);
  EXPECT_EQ(client->map(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  bool ran = false;
  EXPECT_EQ(cuda.cuLaunchHostFunc(
                stream, [](void* data) { *static_cast<bool*>(data) = true; }, &ran),
            CUDA_SUCCESS);
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  EXPECT_FALSE(ran);
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_TRUE(ran);
  client.reset();
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(NvencStreams, NothingRunsBeforeSomebodyWaits) {
  CUstream stream = make_stream();
  ASSERT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, &stream, &stream), NV_ENC_SUCCESS);
  EXPECT_EQ(cuda.cuMemcpyHtoDAsync_v2(client->address, host.data(), host.size(), stream),
            CUDA_SUCCESS);
  EXPECT_EQ(client->map(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  EXPECT_NE(cuda.cuStreamQuery(stream), CUDA_SUCCESS);
  EXPECT_EQ(client->end_stream(), NV_ENC_SUCCESS);
  EXPECT_EQ(cuda.cuStreamQuery(stream), CUDA_SUCCESS) << "an end of stream waits";
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  client.reset();
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
