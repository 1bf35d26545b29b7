// What the encoder says about itself, and the limits of the GPU that it stands for.
#include <algorithm>

#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

using ::testing::HasSubstr;

class Queries : public SimNvenc {
 protected:
  static int capability(const Client& client, NV_ENC_CAPS which, const GUID& codec) {
    NV_ENC_CAPS_PARAM params{};
    params.version = NV_ENC_CAPS_PARAM_VER;
    params.capsToQuery = which;
    int value = -1;
    EXPECT_EQ(client.api.nvEncGetEncodeCaps(client.encoder, codec, &params, &value),
              NV_ENC_SUCCESS);
    return value;
  }
};

TEST_F(Queries, ListsWorkWithoutAContext) {
  const auto client = make_client();
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  ASSERT_EQ(cuda.cuCtxPopCurrent_v2(nullptr), CUDA_SUCCESS);
  const auto& api = client->api;
  std::uint32_t count = 0;
  std::vector<GUID> guids(16);
  ASSERT_EQ(api.nvEncGetEncodeGUIDCount(client->encoder, &count), NV_ENC_SUCCESS);
  EXPECT_EQ(count, 2U);
  ASSERT_EQ(api.nvEncGetEncodeGUIDs(client->encoder, guids.data(), 16, &count), NV_ENC_SUCCESS);
  EXPECT_EQ(guids[0].Data1, NV_ENC_CODEC_H264_GUID.Data1);
  EXPECT_EQ(guids[1].Data1, NV_ENC_CODEC_HEVC_GUID.Data1);
  ASSERT_EQ(api.nvEncGetEncodePresetCount(client->encoder, client->codec, &count), NV_ENC_SUCCESS);
  EXPECT_EQ(count, 7U);
  ASSERT_EQ(api.nvEncGetEncodePresetGUIDs(client->encoder, client->codec, guids.data(), 3, &count),
            NV_ENC_SUCCESS);
  EXPECT_EQ(count, 3U);
  ASSERT_EQ(api.nvEncGetEncodeProfileGUIDCount(client->encoder, client->codec, &count),
            NV_ENC_SUCCESS);
  ASSERT_EQ(
      api.nvEncGetEncodeProfileGUIDs(client->encoder, client->codec, guids.data(), 16, &count),
      NV_ENC_SUCCESS);
  ASSERT_EQ(api.nvEncGetInputFormatCount(client->encoder, client->codec, &count), NV_ENC_SUCCESS);
  std::vector<NV_ENC_BUFFER_FORMAT> formats(count);
  ASSERT_EQ(api.nvEncGetInputFormats(client->encoder, client->codec, formats.data(), count, &count),
            NV_ENC_SUCCESS);
  EXPECT_THAT(formats, ::testing::Contains(NV_ENC_BUFFER_FORMAT_NV12));
  EXPECT_EQ(capability(*client, NV_ENC_CAPS_ASYNC_ENCODE_SUPPORT, client->codec), 0);
  EXPECT_NE(api.nvEncGetLastErrorString(client->encoder), nullptr);
  client->take_preset();
  EXPECT_EQ(client->config.version, NV_ENC_CONFIG_VER);
  EXPECT_EQ(client->config.gopLength, NVENC_INFINITE_GOPLENGTH);
  EXPECT_EQ(client->config.frameIntervalP, 1);
  client->close();
  ASSERT_EQ(cuda.cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
}

TEST_F(Queries, PresetsDependOnTheTuning) {
  const auto client = make_client();
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  NV_ENC_PRESET_CONFIG preset{};
  preset.version = NV_ENC_PRESET_CONFIG_VER;
  preset.presetCfg.version = NV_ENC_CONFIG_VER;
  const auto ask = [&](const GUID& guid, NV_ENC_TUNING_INFO tuning) {
    return client->api.nvEncGetEncodePresetConfigEx(client->encoder, client->codec, guid, tuning,
                                                    &preset);
  };
  EXPECT_EQ(ask(NV_ENC_PRESET_P7_GUID, NV_ENC_TUNING_INFO_HIGH_QUALITY), NV_ENC_SUCCESS);
  EXPECT_EQ(preset.presetCfg.gopLength, 250U);
  EXPECT_EQ(preset.presetCfg.rcParams.rateControlMode, NV_ENC_PARAMS_RC_VBR);
  EXPECT_EQ(ask(NV_ENC_PRESET_P1_GUID, NV_ENC_TUNING_INFO_LOW_LATENCY), NV_ENC_SUCCESS);
  EXPECT_EQ(preset.presetCfg.rcParams.rateControlMode, NV_ENC_PARAMS_RC_CBR);
  EXPECT_EQ(ask(client->codec, NV_ENC_TUNING_INFO_LOW_LATENCY), NV_ENC_ERR_UNSUPPORTED_PARAM);
  EXPECT_EQ(ask(NV_ENC_PRESET_P1_GUID, NV_ENC_TUNING_INFO_UNDEFINED), NV_ENC_ERR_INVALID_PARAM);
  EXPECT_THAT(take_violations(), HasSubstr("no such tuning"));
}

TEST_F(Queries, GpusDiffer) {
  struct Row {
    const char* name;
    int hevc_width;
    int hevc_ten_bit;
    int hevc_b_frames;
    int engines;
  };
  for (const Row& row : {Row{"maxwell", 4096, 0, 0, 1}, Row{"pascal", 8192, 1, 0, 1},
                         Row{"turing", 8192, 1, 5, 1}, Row{"ada", 8192, 1, 5, 2}}) {
    ASSERT_EQ(nvenc.set_gpu(row.name), 1);
    const auto client = make_client(NV_ENC_CODEC_HEVC_GUID);
    ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
    const auto ask = [&](NV_ENC_CAPS which) {
      return capability(*client, which, NV_ENC_CODEC_HEVC_GUID);
    };
    EXPECT_EQ(ask(NV_ENC_CAPS_WIDTH_MAX), row.hevc_width);
    EXPECT_EQ(ask(NV_ENC_CAPS_SUPPORT_10BIT_ENCODE), row.hevc_ten_bit);
    EXPECT_EQ(ask(NV_ENC_CAPS_NUM_MAX_BFRAMES), row.hevc_b_frames);
    EXPECT_EQ(ask(NV_ENC_CAPS_NUM_ENCODER_ENGINES), row.engines);
    EXPECT_EQ(ask(NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION), 0);
    EXPECT_EQ(capability(*client, NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION, NV_ENC_CODEC_H264_GUID),
              1);
  }
  EXPECT_EQ(nvenc.set_gpu("kepler"), 0);
}

TEST_F(Queries, TheGpuLimitsWhatIsInitialized) {
  const auto refuse = [&](const GUID& codec, int width, int height, auto&& change) {
    const auto client = make_client(codec, width, height);
    EXPECT_EQ(client->open(), NV_ENC_SUCCESS);
    client->take_preset();
    change(*client);
    EXPECT_EQ(client->initialize(), NV_ENC_ERR_INVALID_PARAM);
  };
  const auto nothing = [](Client&) {};
  refuse(NV_ENC_CODEC_H264_GUID, 4112, 2160, nothing);
  refuse(NV_ENC_CODEC_H264_GUID, 128, 64, nothing);
  refuse(NV_ENC_CODEC_H264_GUID, 320, 192, [](Client& c) { c.params.frameRateDen = 0; });
  refuse(NV_ENC_CODEC_H264_GUID, 320, 192,
         [](Client& c) { c.params.encodeGUID = NV_ENC_PRESET_P1_GUID; });
  refuse(NV_ENC_CODEC_H264_GUID, 320, 192,
         [](Client& c) { c.config.profileGUID = NV_ENC_HEVC_PROFILE_MAIN_GUID; });
  refuse(NV_ENC_CODEC_H264_GUID, 320, 192, [](Client& c) {
    c.config.profileGUID = NV_ENC_H264_PROFILE_HIGH_GUID;
    c.config.encodeCodecConfig.h264Config.chromaFormatIDC = 3;
  });
  refuse(NV_ENC_CODEC_HEVC_GUID, 320, 192, [](Client& c) {
    c.config.profileGUID = NV_ENC_HEVC_PROFILE_MAIN_GUID;
    set_ten_bits(c.config.encodeCodecConfig.hevcConfig);
  });
  ASSERT_EQ(nvenc.set_gpu("maxwell"), 1);
  refuse(NV_ENC_CODEC_HEVC_GUID, 320, 192,
         [](Client& c) { set_ten_bits(c.config.encodeCodecConfig.hevcConfig); });
}

TEST_F(Queries, SessionsAreLimited) {
  nvenc.set_session_limit(2);
  const auto first = make_client();
  const auto second = make_client();
  const auto third = make_client();
  EXPECT_EQ(first->open(), NV_ENC_SUCCESS);
  EXPECT_EQ(second->open(), NV_ENC_SUCCESS);
  EXPECT_EQ(third->open(), NV_ENC_ERR_OUT_OF_MEMORY);
  EXPECT_EQ(nvenc.sessions(), 2U);
  first->close();
  EXPECT_EQ(third->open(), NV_ENC_SUCCESS);
}

TEST_F(Queries, AnOldDriver) {
  auto* const newest = reinterpret_cast<decltype(NvEncodeAPIGetMaxSupportedVersion)*>(
      ::dlsym(loaded_nvenc(), "NvEncodeAPIGetMaxSupportedVersion"));
  std::uint32_t version = 0;
  EXPECT_EQ(newest(&version), NV_ENC_SUCCESS);
  EXPECT_EQ(version, NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION);
  nvenc.set_version(10, 0);
  EXPECT_EQ(newest(&version), NV_ENC_SUCCESS);
  EXPECT_EQ(version, 10U << 4);
  EXPECT_EQ(make_client()->open(), NV_ENC_ERR_INVALID_VERSION);
}

TEST_F(Queries, WhatIsNotThere) {
  const auto client = make_client();
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  const auto& api = client->api;
  EXPECT_EQ(api.nvEncRegisterAsyncEvent(client->encoder, nullptr), NV_ENC_ERR_UNIMPLEMENTED);
  EXPECT_EQ(api.nvEncUnregisterAsyncEvent(client->encoder, nullptr), NV_ENC_ERR_UNIMPLEMENTED);
  EXPECT_EQ(api.nvEncCreateMVBuffer(client->encoder, nullptr), NV_ENC_ERR_UNIMPLEMENTED);
  EXPECT_EQ(api.nvEncDestroyMVBuffer(client->encoder, nullptr), NV_ENC_ERR_UNIMPLEMENTED);
  EXPECT_EQ(api.nvEncRunMotionEstimationOnly(client->encoder, nullptr), NV_ENC_ERR_UNIMPLEMENTED);
  void* encoder = nullptr;
  EXPECT_EQ(api.nvEncOpenEncodeSession(context, NV_ENC_DEVICE_TYPE_CUDA, &encoder),
            NV_ENC_ERR_INVALID_CALL);
  EXPECT_THAT(take_violations(), HasSubstr("deprecated"));
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
