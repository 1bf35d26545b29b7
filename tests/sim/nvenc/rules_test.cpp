// Every rule is broken once, and the violation says which.
#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

using ::testing::HasSubstr;

class NvencRules : public SimNvenc {
 protected:
  void SetUp() override {
    SimNvenc::SetUp();
    client = make_client();
  }
  void TearDown() override {
    client.reset();
    SimNvenc::TearDown();
  }
  void submit_one() {
    client->write(pixels(client->format, client->width, client->height, 0));
    EXPECT_EQ(client->map(), NV_ENC_SUCCESS);
    EXPECT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  }
  void expect_violation(const char* text) { EXPECT_THAT(take_violations(), HasSubstr(text)); }

  std::unique_ptr<Client> client;
};

TEST_F(NvencRules, NothingBeforeInitialize) {
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  NV_ENC_CREATE_BITSTREAM_BUFFER buffer{};
  buffer.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER;
  EXPECT_EQ(client->api.nvEncCreateBitstreamBuffer(client->encoder, &buffer),
            NV_ENC_ERR_ENCODER_NOT_INITIALIZED);
  expect_violation("nvEncCreateBitstreamBuffer: before nvEncInitializeEncoder");
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_ERR_ENCODER_NOT_INITIALIZED);
  expect_violation("nvEncEncodePicture: before nvEncInitializeEncoder");
}

TEST_F(NvencRules, InitializeOnce) {
  client->start();
  EXPECT_EQ(client->api.nvEncInitializeEncoder(client->encoder, &client->params),
            NV_ENC_ERR_INVALID_CALL);
  expect_violation("initialized before");
}

TEST_F(NvencRules, AsynchronousEncodingIsForWindows) {
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  client->take_preset();
  client->params.enableEncodeAsync = 1;
  EXPECT_EQ(client->initialize(), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("asynchronous encoding is for Windows");
}

TEST_F(NvencRules, TuningIsNeeded) {
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  client->take_preset();
  client->params.tuningInfo = NV_ENC_TUNING_INFO_UNDEFINED;
  EXPECT_EQ(client->initialize(), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("no such tuning");
}

TEST_F(NvencRules, OnePictureInABitstreamBuffer) {
  client->start();
  submit_one();
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("two pictures in one bitstream buffer");
}

TEST_F(NvencRules, LocksInTheOrderOfSubmission) {
  client->start();
  const auto second = client->make_bitstream();
  client->more_bitstreams.push_back(second);
  submit_one();
  NV_ENC_PIC_PARAMS next = client->picture();
  next.outputBitstream = second;
  EXPECT_EQ(client->submit(next), NV_ENC_SUCCESS);
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_EQ(client->lock(locked, second), NV_ENC_ERR_INVALID_CALL);
  expect_violation("not locked in the order of submission");
  EXPECT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_INVALID_CALL);
  expect_violation("locked already");
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->lock(locked, second), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unlock(second), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unlock(second), NV_ENC_ERR_INVALID_CALL);
  expect_violation("nvEncUnlockBitstream: not locked");
}

TEST_F(NvencRules, NoLockWithoutAPicture) {
  client->start();
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("locked without a picture");
}

TEST_F(NvencRules, TheBitstreamIsGoneAfterUnlock) {
  client->start();
  submit_one();
  NV_ENC_LOCK_BITSTREAM locked{};
  ASSERT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  const auto* data = static_cast<const std::uint8_t*>(locked.bitstreamBufferPtr);
  EXPECT_EQ(data[3], 1);  // a start code
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(data[3], 0xA5);
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
}

TEST_F(NvencRules, UnmapAfterTheLock) {
  client->start();
  submit_one();
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  expect_violation("unmapped before the bitstream of its picture was locked");
}

TEST_F(NvencRules, AnEndOfStreamReleasesInputsToo) {
  client->start();
  submit_one();
  EXPECT_EQ(client->end_stream(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
}

TEST_F(NvencRules, MappingAndRegistering) {
  client->start();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  const auto mapped = client->input;
  EXPECT_EQ(client->map(), NV_ENC_ERR_MAP_FAILED);
  expect_violation("mapped already");
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  client->input = mapped;
  EXPECT_EQ(client->unmap(), NV_ENC_ERR_RESOURCE_NOT_MAPPED);
  expect_violation("mapped input that is gone");
  const auto registration = client->registered;
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unregister(), NV_ENC_SUCCESS);
  expect_violation("the resource is still mapped");
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  client->registered = registration;
  EXPECT_EQ(client->map(), NV_ENC_ERR_RESOURCE_NOT_REGISTERED);
  expect_violation("nvEncMapInputResource: registration that is gone");
  EXPECT_EQ(client->unregister(), NV_ENC_ERR_RESOURCE_NOT_REGISTERED);
  expect_violation("nvEncUnregisterResource: registration that is gone");
}

TEST_F(NvencRules, AStaleInputIsNotEncoded) {
  client->start();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  const NV_ENC_PIC_PARAMS what = client->picture();
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->submit(what), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("nvEncEncodePicture: mapped input that is gone");
}

TEST_F(NvencRules, RegisteredMemoryIsNotFreed) {
  client->start();
  const auto registration = client->registered;
  EXPECT_EQ(client->register_input(), NV_ENC_SUCCESS);  // twice: held until both are gone
  EXPECT_EQ(client->unregister(), NV_ENC_SUCCESS);
  EXPECT_EQ(cuda.cuMemFree_v2(client->address), CUDA_SUCCESS);
  EXPECT_THAT(SimCuda::take_violations(), HasSubstr("still registered with NVENC"));
  client->registered = registration;
  client->address = 0;
}

TEST_F(NvencRules, RegistrationsFitTheirMemory) {
  client->start();
  const auto refuse = [&](NVENCSTATUS status, const char* text) {
    const auto kept = client->registered;
    EXPECT_EQ(client->register_input(), status);
    expect_violation(text);
    client->registered = kept;
  };
  const std::size_t pitch = client->pitch;
  client->pitch = pitch + 2;
  refuse(NV_ENC_ERR_INVALID_PARAM, "pitch is not a multiple of 4");
  client->pitch = 64;
  refuse(NV_ENC_ERR_INVALID_PARAM, "pitch is smaller than a row");
  client->pitch = pitch;
  client->height += 64;
  refuse(NV_ENC_ERR_RESOURCE_REGISTER_FAILED, "less than the registration says");
  client->height -= 64;
  const CUdeviceptr address = client->address;
  client->address = 0;
  refuse(NV_ENC_ERR_INVALID_PTR, "null resource");
  client->address = address;
}

TEST_F(NvencRules, InputBuffersAreUnlockedForEncoding) {
  client->start(nullptr, NV_ENC_BUFFER_FORMAT_NV12, Source::kBuffer);
  NV_ENC_LOCK_INPUT_BUFFER locked{};
  locked.version = NV_ENC_LOCK_INPUT_BUFFER_VER;
  locked.inputBuffer = client->input;
  ASSERT_EQ(client->api.nvEncLockInputBuffer(client->encoder, &locked), NV_ENC_SUCCESS);
  EXPECT_EQ(client->api.nvEncLockInputBuffer(client->encoder, &locked), NV_ENC_ERR_INVALID_CALL);
  expect_violation("nvEncLockInputBuffer: locked already");
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_ERR_INVALID_CALL);
  expect_violation("the input buffer is locked");
  EXPECT_EQ(client->api.nvEncUnlockInputBuffer(client->encoder, client->input), NV_ENC_SUCCESS);
  EXPECT_EQ(client->api.nvEncUnlockInputBuffer(client->encoder, client->input),
            NV_ENC_ERR_INVALID_CALL);
  expect_violation("nvEncUnlockInputBuffer: not locked");
}

TEST_F(NvencRules, PicturesMatchTheirBuffers) {
  client->start();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  const auto refuse = [&](auto&& change, const char* text) {
    NV_ENC_PIC_PARAMS what = client->picture();
    change(what);
    EXPECT_EQ(client->submit(what), NV_ENC_ERR_INVALID_PARAM) << text;
    expect_violation(text);
  };
  refuse([](auto& what) { what.bufferFmt = NV_ENC_BUFFER_FORMAT_ARGB; },
         "bufferFmt is not the input buffer's format");
  refuse([](auto& what) { what.inputWidth -= 16; }, "inputWidth and inputHeight are not");
  refuse([](auto& what) { what.inputPitch += 16; }, "inputPitch is not the input buffer's");
  refuse([](auto& what) { what.encodePicFlags = 0x100; }, "unknown picture flag");
  refuse([](auto& what) { what.pictureStruct = NV_ENC_PIC_STRUCT_FIELD_TOP_BOTTOM; },
         "pictureStruct is not a frame");
  refuse([](auto& what) { what.outputBitstream = nullptr; }, "null bitstream buffer");
  refuse([](auto& what) { what.inputBuffer = nullptr; }, "null mapped input");
  refuse([](auto& what) { what.codecPicParams.h264PicParams.forceIntraRefreshWithFrameCnt = 5; },
         "forceIntraRefreshWithFrameCnt without enableIntraRefresh");
  refuse([](auto& what) { what.encodePicFlags = NV_ENC_PIC_FLAG_EOS; },
         "an end of stream with buffers");
}

TEST_F(NvencRules, ForcedKeyPicturesAreForTheEncodersDecision) {
  client->start([](Client& c) { c.params.enablePTD = 0; });
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  NV_ENC_PIC_PARAMS what = client->picture();
  what.encodePicFlags = NV_ENC_PIC_FLAG_FORCEIDR;
  EXPECT_EQ(client->submit(what), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("FORCEIDR is for enablePTD = 1");
}

TEST_F(NvencRules, EverythingIsDestroyedBeforeTheSession) {
  client->start();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->api.nvEncDestroyEncoder(client->encoder), NV_ENC_SUCCESS);
  expect_violation(
      "session destroyed with 1 registration, 1 mapped input, 1 bitstream buffer alive");
  client->encoder = nullptr;
  EXPECT_EQ(cuda.cuMemFree_v2(client->address), CUDA_SUCCESS) << "not held any more";
}

TEST_F(NvencRules, TheStreamIsEndedBeforeTheSession) {
  client->start();
  client->encode(0);
  EXPECT_EQ(client->unregister(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->api.nvEncDestroyBitstreamBuffer(client->encoder, client->bitstream),
            NV_ENC_SUCCESS);
  EXPECT_EQ(client->api.nvEncDestroyEncoder(client->encoder), NV_ENC_SUCCESS);
  expect_violation("session destroyed without an end of stream");
  client->encoder = nullptr;
  EXPECT_EQ(cuda.cuMemFree_v2(client->address), CUDA_SUCCESS);
}

TEST_F(NvencRules, NoBitstreamBufferGoesWithItsPicture) {
  client->start();
  submit_one();
  const auto& api = client->api;
  EXPECT_EQ(api.nvEncDestroyBitstreamBuffer(client->encoder, client->bitstream), NV_ENC_SUCCESS);
  expect_violation("the bitstream buffer has a picture in flight");
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  client->bitstream = client->make_bitstream();
  submit_one();
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  EXPECT_EQ(api.nvEncDestroyBitstreamBuffer(client->encoder, client->bitstream), NV_ENC_SUCCESS);
  expect_violation("the bitstream buffer is locked");
  client->bitstream = nullptr;
}

// FFmpeg's habits pass, and no more than these.
TEST_F(NvencRules, EndsOfStream) {
  client->start();
  client->encode(0);
  EXPECT_EQ(client->end_stream(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->end_stream(), NV_ENC_SUCCESS);
  EXPECT_STREQ(nvenc.violations(), "");
  EXPECT_EQ(client->end_stream(), NV_ENC_SUCCESS);
  expect_violation("a third end of stream in a row");
  EXPECT_EQ(client->encode(1).type, NV_ENC_PIC_TYPE_IDR) << "a new stream";
}

TEST_F(NvencRules, AFailedOpenEndsTheStreamAndDestroysNothing) {
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->end_stream(), NV_ENC_ERR_ENCODER_NOT_INITIALIZED);
  const auto& api = client->api;
  EXPECT_NE(api.nvEncDestroyInputBuffer(client->encoder, nullptr), NV_ENC_SUCCESS);
  EXPECT_NE(api.nvEncDestroyBitstreamBuffer(client->encoder, nullptr), NV_ENC_SUCCESS);
  EXPECT_STREQ(nvenc.violations(), "");
  EXPECT_EQ(client->end_stream(), NV_ENC_ERR_ENCODER_NOT_INITIALIZED);
  expect_violation("before nvEncInitializeEncoder");
}

TEST_F(NvencRules, Contexts) {
  CUcontext second = nullptr;
  ASSERT_EQ(cuda.cuCtxCreate_v2(&second, 0, 0), CUDA_SUCCESS);
  client->start();
  expect_violation("another CUDA context than the session's is current");
  client->close();
  SimCuda::take_violations();  // memory of the wrong context
  take_violations();
  EXPECT_EQ(cuda.cuCtxDestroy_v2(second), CUDA_SUCCESS);
  const auto dead = std::make_unique<Client>(cuda, second, NV_ENC_CODEC_H264_GUID);
  EXPECT_EQ(dead->open(), NV_ENC_ERR_INVALID_DEVICE);
  expect_violation("the CUDA context does not exist or is dead");
}

TEST_F(NvencRules, ALostContextIsNoFaultOfTheClient) {
  client->start();
  submit_one();
  control.kill_context();
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_DEVICE_NOT_EXIST);
  EXPECT_EQ(client->map(), NV_ENC_ERR_DEVICE_NOT_EXIST);
  client->close();
  EXPECT_STREQ(nvenc.violations(), "");
  cuda.cuCtxPopCurrent_v2(nullptr);
  cuda.cuDevicePrimaryCtxRelease_v2(0);
  context = nullptr;
}

TEST_F(NvencRules, StreamsExist) {
  client->start();
  CUstream stream = make_stream();
  EXPECT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, &stream, &stream), NV_ENC_SUCCESS);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("the CUDA stream is gone");
  EXPECT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, &stream, &stream),
            NV_ENC_ERR_INVALID_PARAM);
  expect_violation("no such CUDA stream");
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
