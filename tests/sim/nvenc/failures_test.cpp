// Every entry point fails at its first calls, and what is left is as if it had not been called.
#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

using Names = std::vector<const char*>;

class Failures : public SimNvenc {
 protected:
  /// A client that gives up at the first failure, in order.
  void run(Source source) {
    const auto client = make_client();
    if (client->open() != NV_ENC_SUCCESS) return;
    client->take_preset();
    if (client->config.version == 0) return;  // no preset
    if (client->initialize() != NV_ENC_SUCCESS) return;
    NV_ENC_CREATE_BITSTREAM_BUFFER buffer{};
    buffer.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER;
    if (client->api.nvEncCreateBitstreamBuffer(client->encoder, &buffer) != NV_ENC_SUCCESS) return;
    client->bitstream = buffer.bitstreamBuffer;
    client->format = NV_ENC_BUFFER_FORMAT_NV12;
    client->source = source;
    if (source == Source::kPointer) {
      ASSERT_EQ(cuda.cuMemAllocPitch_v2(&client->address, &client->pitch, 320, 288, 16),
                CUDA_SUCCESS);
      if (client->register_input() != NV_ENC_SUCCESS) return;
    } else {
      NV_ENC_CREATE_INPUT_BUFFER input{};
      input.version = NV_ENC_CREATE_INPUT_BUFFER_VER;
      input.width = 320;
      input.height = 192;
      input.bufferFmt = NV_ENC_BUFFER_FORMAT_NV12;
      if (client->api.nvEncCreateInputBuffer(client->encoder, &input) != NV_ENC_SUCCESS) return;
      client->input = input.inputBuffer;
    }
    for (int i = 0; i < 2; ++i) {
      client->write(pixels(client->format, 320, 192, i));
      if (source == Source::kPointer && client->map() != NV_ENC_SUCCESS) return;
      if (client->submit(client->picture()) != NV_ENC_SUCCESS) return;
      NV_ENC_LOCK_BITSTREAM locked{};
      if (client->lock(locked) != NV_ENC_SUCCESS) return;
      client->unlock();
      if (source == Source::kPointer) client->unmap();
    }
    client->reconfigure([](auto&) {});
    finished = true;
  }

  void sweep(Source source, const Names& names) {
    for (const char* name : names) {
      for (int n = 1; n <= 2; ++n) {
        nvenc.reset();
        const std::string rule = std::string(name) + "@" + std::to_string(n) + "=20";
        ASSERT_EQ(nvenc.set_fail(rule.c_str()), 1);
        finished = false;
        run(source);
        EXPECT_STREQ(nvenc.violations(), "") << rule;
        EXPECT_STREQ(nvenc.live_names(), "") << rule;
        EXPECT_STREQ(control.violations(), "") << rule;
        EXPECT_STREQ(control.live_names(), "1 reference to the primary context") << rule;
        if (n == 1) {
          EXPECT_NE(nvenc.calls(name), 0U) << name;
        }
      }
    }
    nvenc.reset();
    run(source);
    EXPECT_TRUE(finished);
  }

  bool finished = false;
};

TEST_F(Failures, WithDeviceMemory) {
  sweep(Source::kPointer,
        {"nvEncOpenEncodeSessionEx", "nvEncGetEncodePresetConfigEx", "nvEncInitializeEncoder",
         "nvEncCreateBitstreamBuffer", "nvEncRegisterResource", "nvEncMapInputResource",
         "nvEncEncodePicture", "nvEncLockBitstream", "nvEncUnlockBitstream",
         "nvEncUnmapInputResource", "nvEncReconfigureEncoder", "nvEncUnregisterResource",
         "nvEncDestroyBitstreamBuffer", "nvEncDestroyEncoder"});
}

TEST_F(Failures, WithInputBuffers) {
  sweep(Source::kBuffer, {"nvEncCreateInputBuffer", "nvEncLockInputBuffer",
                          "nvEncUnlockInputBuffer", "nvEncDestroyInputBuffer"});
}

TEST_F(Failures, OfEveryEntryPoint) {
  // Queries and the library's own two.
  const auto client = make_client();
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  ASSERT_EQ(nvenc.set_fail("*@1+=20"), 1);
  const auto& api = client->api;
  void* const encoder = client->encoder;
  std::uint32_t count = 0;
  GUID guid{};
  const GUID codec = client->codec;
  NV_ENC_BUFFER_FORMAT format{};
  int value = 0;
  NV_ENC_CAPS_PARAM caps{};
  EXPECT_EQ(api.nvEncGetEncodeGUIDCount(encoder, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetEncodeGUIDs(encoder, &guid, 1, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetEncodeProfileGUIDCount(encoder, codec, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetEncodeProfileGUIDs(encoder, codec, &guid, 1, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetInputFormatCount(encoder, codec, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetInputFormats(encoder, codec, &format, 1, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetEncodeCaps(encoder, codec, &caps, &value), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetEncodePresetCount(encoder, codec, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetEncodePresetGUIDs(encoder, codec, &guid, 1, &count), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetSequenceParams(encoder, nullptr), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetSequenceParamEx(encoder, nullptr, nullptr), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncGetEncodeStats(encoder, nullptr), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncSetIOCudaStreams(encoder, nullptr, nullptr), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(api.nvEncInvalidateRefFrames(encoder, 0), NV_ENC_ERR_GENERIC);
  auto* const create = reinterpret_cast<decltype(NvEncodeAPICreateInstance)*>(
      ::dlsym(loaded_nvenc(), "NvEncodeAPICreateInstance"));
  NV_ENCODE_API_FUNCTION_LIST list{};
  EXPECT_EQ(create(&list), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(list.nvEncOpenEncodeSession, nullptr);
  EXPECT_EQ(nvenc.calls("*"), 15U + 2U) << "and two to open the session";
  nvenc.set_fail("");
}

TEST_F(Failures, ALostPictureMayBeTriedAgain) {
  const auto client = make_client();
  client->start();
  client->write(pixels(client->format, 320, 192, 0));
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  ASSERT_EQ(nvenc.set_fail("nvEncEncodePicture@1=20,nvEncLockBitstream@1=20"), 1);
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_GENERIC);
  EXPECT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
