// More rules that are broken once: what is passed must be there, fit and be allowed. The last test
// sees to it that no rule of the stand-in goes untested.
// GCC 12 takes std::regex for uninitialized under AddressSanitizer.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "test_effects.h"

namespace lumen::sim::nvenc::testing {
namespace {

using ::testing::HasSubstr;

class NvencArguments : public EffectTest {
 protected:
  void SetUp() override {
    SimNvenc::SetUp();
    client = make_client();
  }
  void TearDown() override {
    client.reset();
    SimNvenc::TearDown();
  }
  void expect_violation(const char* text) { EXPECT_THAT(take_violations(), HasSubstr(text)); }
  /// A picture that would be good but for the change.
  void refuse(const std::function<void(NV_ENC_PIC_PARAMS&)>& change, const char* text) {
    NV_ENC_PIC_PARAMS what = client->picture();
    change(what);
    EXPECT_EQ(client->submit(what), NV_ENC_ERR_INVALID_PARAM) << text;
    expect_violation(text);
  }

  std::unique_ptr<Client> client;
};

TEST_F(NvencArguments, QuestionsNeedAPlaceForTheAnswer) {
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  const auto& api = client->api;
  void* const encoder = client->encoder;
  EXPECT_EQ(api.nvEncGetEncodeGUIDCount(encoder, nullptr), NV_ENC_ERR_INVALID_PTR);
  expect_violation("nvEncGetEncodeGUIDCount: null count");
  std::uint32_t count = 0;
  EXPECT_EQ(api.nvEncGetEncodeGUIDs(encoder, nullptr, 4, &count), NV_ENC_ERR_INVALID_PTR);
  expect_violation("nvEncGetEncodeGUIDs: null list");
  NV_ENC_CAPS_PARAM caps{};
  caps.version = NV_ENC_CAPS_PARAM_VER;
  EXPECT_EQ(api.nvEncGetEncodeCaps(encoder, client->codec, &caps, nullptr), NV_ENC_ERR_INVALID_PTR);
  expect_violation("null value");
  NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS session{};
  session.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
  session.deviceType = NV_ENC_DEVICE_TYPE_CUDA;
  session.device = context;
  session.apiVersion = NVENCAPI_VERSION;
  EXPECT_EQ(api.nvEncOpenEncodeSessionEx(&session, nullptr), NV_ENC_ERR_INVALID_PTR);
  expect_violation("null encoder");
  session.device = nullptr;
  void* other = nullptr;
  EXPECT_EQ(api.nvEncOpenEncodeSessionEx(&session, &other), NV_ENC_ERR_INVALID_DEVICE);
  expect_violation("no CUDA context");
  auto* const newest = reinterpret_cast<decltype(NvEncodeAPIGetMaxSupportedVersion)*>(
      ::dlsym(loaded_nvenc(), "NvEncodeAPIGetMaxSupportedVersion"));
  EXPECT_EQ(newest(nullptr), NV_ENC_ERR_INVALID_PTR);
  expect_violation("null version");
}

TEST_F(NvencArguments, ParameterSetsNeedAPlace) {
  client->start();
  NV_ENC_SEQUENCE_PARAM_PAYLOAD payload{};
  payload.version = NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER;
  EXPECT_EQ(client->api.nvEncGetSequenceParams(client->encoder, &payload), NV_ENC_ERR_INVALID_PTR);
  expect_violation("no place for the parameter sets");
}

TEST_F(NvencArguments, StatisticsAreOfALockedPicture) {
  client->start();
  NV_ENC_STAT stats{};
  stats.version = NV_ENC_STAT_VER;
  stats.outputBitStream = client->bitstream;
  EXPECT_EQ(client->api.nvEncGetEncodeStats(client->encoder, &stats), NV_ENC_ERR_INVALID_CALL);
  expect_violation("the bitstream buffer is not locked");
}

TEST_F(NvencArguments, BuffersHaveASize) {
  client->start();
  const int width = std::exchange(client->width, 0);
  const auto registered = client->registered;
  EXPECT_EQ(client->register_input(), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("resource without a size");
  client->width = width;
  client->registered = registered;
  NV_ENC_CREATE_INPUT_BUFFER buffer{};
  buffer.version = NV_ENC_CREATE_INPUT_BUFFER_VER;
  buffer.bufferFmt = NV_ENC_BUFFER_FORMAT_NV12;
  EXPECT_EQ(client->api.nvEncCreateInputBuffer(client->encoder, &buffer), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("input buffer without a size");
}

TEST_F(NvencArguments, ALockedInputBufferIsNotDestroyed) {
  client->start(nullptr, NV_ENC_BUFFER_FORMAT_NV12, Source::kBuffer);
  NV_ENC_LOCK_INPUT_BUFFER locked{};
  locked.version = NV_ENC_LOCK_INPUT_BUFFER_VER;
  locked.inputBuffer = client->input;
  ASSERT_EQ(client->api.nvEncLockInputBuffer(client->encoder, &locked), NV_ENC_SUCCESS);
  EXPECT_EQ(client->api.nvEncDestroyInputBuffer(client->encoder, client->input), NV_ENC_SUCCESS);
  expect_violation("nvEncDestroyInputBuffer: the input buffer is locked");
  client->input = nullptr;
}

TEST_F(NvencArguments, TheInputIsOfTheStreamsKind) {
  // A buffer for a smaller picture than the encoder's.
  client->width -= 16;
  client->start([](Client& c) { c.params.encodeWidth += 16; });
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  refuse([&](auto& what) { what.inputWidth = client->params.encodeWidth; },
         "the input buffer is smaller than the picture");
  client = make_client(NV_ENC_CODEC_HEVC_GUID);
  client->start(nullptr, NV_ENC_BUFFER_FORMAT_YUV420_10BIT);
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  refuse([](auto&) {}, "the input's depth is not the stream's");
  client = make_client();
  client->start(nullptr, NV_ENC_BUFFER_FORMAT_YUV444);
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  refuse([](auto&) {}, "the input's chroma format is not the stream's");
}

TEST_F(NvencArguments, TheStreamStaysUntilThePictureIsRead) {
  client->start();
  CUstream stream = make_stream();
  ASSERT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, &stream, &stream), NV_ENC_SUCCESS);
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  ASSERT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_NE(client->lock(locked), NV_ENC_SUCCESS);
  expect_violation("the CUDA stream of the picture is gone");
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
}

TEST_F(NvencArguments, SliceOffsetsNeedAPlace) {
  client->start([](Client& c) {
    c.params.reportSliceOffsets = 1;
    c.params.enableSubFrameWrite = 1;
    h264(c).sliceModeData = 3;
  });
  client->write(pixels(client->format, client->width, client->height, 0));
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  ASSERT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  NV_ENC_LOCK_BITSTREAM locked{};
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("reportSliceOffsets, but no place for them");
}

TEST_F(NvencArguments, APictureIsReadSliceBySliceWithinTheRules) {
  client->start([](Client& c) {
    c.params.reportSliceOffsets = 1;
    c.params.enableSubFrameWrite = 1;
    h264(c).sliceModeData = 3;
  });
  client->write(pixels(client->format, client->width, client->height, 0));
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  ASSERT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  std::vector<std::uint32_t> offsets(240);
  NV_ENC_LOCK_BITSTREAM locked{};
  locked.sliceOffsets = offsets.data();
  locked.doNotWait = 1;
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_LOCK_BUSY);
  ASSERT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  ASSERT_EQ(locked.numSlices, 1U);
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  expect_violation("unmapped before the bitstream of its picture was locked");
  ASSERT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_INVALID_CALL) << "each look ends before the next";
  expect_violation("locked already");
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
}

TEST_F(NvencArguments, WhatTheChipLacksIsRefused) {
  const auto initialize = [&](NV_ENC_CAPS lacking, const std::function<void(Client&)>& change) {
    nvenc.reset();
    nvenc.hide_capability(lacking);
    client = make_client();
    EXPECT_EQ(client->open(), NV_ENC_SUCCESS);
    client->take_preset();
    change(*client);
    return client->initialize();
  };
  const auto sub_frame = [](Client& c) {
    c.params.enableSubFrameWrite = c.params.reportSliceOffsets = 1;
  };
  const auto long_term = [](Client& c) {
    h264(c).enableLTR = 1;
    h264(c).ltrNumFrames = 2;
  };
  const auto emphasis = [](Client& c) { c.config.rcParams.qpMapMode = NV_ENC_QP_MAP_EMPHASIS; };
  const auto refresh = [](Client& c) {
    h264(c).enableIntraRefresh = 1;
    h264(c).intraRefreshPeriod = 100;
    h264(c).intraRefreshCnt = 10;
  };
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_SUBFRAME_READBACK, sub_frame), NV_ENC_ERR_INVALID_PARAM);
  EXPECT_EQ(initialize(NV_ENC_CAPS_NUM_MAX_LTR_FRAMES, sub_frame), NV_ENC_SUCCESS);
  EXPECT_EQ(initialize(NV_ENC_CAPS_NUM_MAX_LTR_FRAMES, long_term), NV_ENC_ERR_INVALID_PARAM);
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_CABAC, long_term), NV_ENC_SUCCESS);
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_EMPHASIS_LEVEL_MAP, emphasis), NV_ENC_ERR_INVALID_PARAM);
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_CABAC, emphasis), NV_ENC_SUCCESS);
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_INTRA_REFRESH, refresh), NV_ENC_ERR_INVALID_PARAM);
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_CABAC, refresh), NV_ENC_SUCCESS);
  // Modes that are not there on any chip.
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_CABAC,
                       [&](Client& c) {
                         long_term(c);
                         h264(c).ltrTrustMode = 1;
                       }),
            NV_ENC_ERR_INVALID_PARAM);
  EXPECT_EQ(initialize(NV_ENC_CAPS_SUPPORT_CABAC,
                       [&](Client& c) {
                         emphasis(c);
                         c.config.rcParams.enableAQ = 1;
                       }),
            NV_ENC_ERR_INVALID_PARAM);
}

TEST_F(NvencArguments, MapsOfQuantizersFitThePicture) {
  client->start([](Client& c) { c.config.rcParams.qpMapMode = NV_ENC_QP_MAP_DELTA; });
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  std::vector<std::int8_t> map(20 * 12);
  const auto with = [&](std::size_t size) {
    return [&map, size](NV_ENC_PIC_PARAMS& what) {
      what.qpDeltaMap = map.data();
      what.qpDeltaMapSize = static_cast<std::uint32_t>(size);
    };
  };
  refuse(with(map.size() - 1), "qpDeltaMap has not the picture's size");
  map[7] = 52;
  refuse(with(map.size()), "qpDeltaMap has values out of range");
  client = make_client();
  client->start([](Client& c) { c.config.rcParams.qpMapMode = NV_ENC_QP_MAP_EMPHASIS; });
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  map[7] = 6;
  refuse(with(map.size()), "qpDeltaMap has values out of range");
  client = make_client();
  client->start();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  refuse(with(map.size()), "qpDeltaMap with qpMapMode disabled");
}

TEST_F(NvencArguments, LongTermReferencesAreMarkedBeforeTheyAreUsed) {
  client->start([](Client& c) {
    h264(c).enableLTR = 1;
    h264(c).ltrNumFrames = 2;
    h264(c).maxNumRefFrames = 4;
  });
  const auto use = [](std::uint32_t bitmap) {
    return [bitmap](NV_ENC_PIC_PARAMS& what) {
      what.codecPicParams.h264PicParams.ltrUseFrames = 1;
      what.codecPicParams.h264PicParams.ltrUseFrameBitmap = bitmap;
    };
  };
  const auto mark = [](std::uint32_t index) {
    return [index](NV_ENC_PIC_PARAMS& what) {
      what.codecPicParams.h264PicParams.ltrMarkFrame = 1;
      what.codecPicParams.h264PicParams.ltrMarkFrameIdx = index;
    };
  };
  client->encode(0, mark(1));
  client->encode(1);
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  refuse(mark(2), "ltrMarkFrameIdx beyond ltrNumFrames");
  refuse(use(0), "ltrUseFrames without a frame to use");
  refuse(use(1), "ltrUseFrameBitmap names what was not marked");
  refuse([](auto& what) { what.codecPicParams.h264PicParams.ltrUsageMode = 1; },
         "ltrUsageMode is not 0");
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  client->encode(2, use(2));
  client->encode(3, flags(NV_ENC_PIC_FLAG_FORCEIDR));
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  refuse(use(2), "ltrUseFrameBitmap names what was not marked");  // the IDR dropped it
  client = make_client();
  client->start();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  refuse(mark(0), "long-term references without enableLTR");
}

/// Going back to one makes everything in between superfluous, and the lock says which it was.
TEST_F(NvencArguments, APictureFromALongTermReferenceNeedsNothingNewer) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const bool is_h264 = codec.Data1 == NV_ENC_CODEC_H264_GUID.Data1;
    client = make_client(codec);
    client->start([&](Client& c) {
      const auto set = [](auto& config) {
        config.enableLTR = 1;
        config.ltrNumFrames = 2;
      };
      is_h264 ? set(h264(c)) : set(hevc(c));
    });
    const auto mark = [&](NV_ENC_PIC_PARAMS& what) {
      const auto set = [](auto& params) { params.ltrMarkFrame = 1; };
      is_h264 ? set(what.codecPicParams.h264PicParams) : set(what.codecPicParams.hevcPicParams);
    };
    const auto use = [&](NV_ENC_PIC_PARAMS& what) {
      const auto set = [](auto& params) {
        params.ltrUseFrames = 1;
        params.ltrUseFrameBitmap = 1;
      };
      is_h264 ? set(what.codecPicParams.h264PicParams) : set(what.codecPicParams.hevcPicParams);
    };
    Decoder all(decoder_name(codec));
    Decoder lossy(decoder_name(codec));
    for (int i = 0; i < 16; ++i) {
      const Packet packet = client->encode(i, i == 2    ? std::function(mark)
                                              : i == 12 ? std::function(use)
                                                        : nullptr);
      EXPECT_EQ(packet.type == NV_ENC_PIC_TYPE_IDR, i == 0);
      const auto whole = all.decode(packet.bytes);
      ASSERT_EQ(whole.size(), 1U);
      if (i > 2 && i < 12) continue;  // lost
      const auto shown = lossy.decode(packet.bytes);
      if (i < 12) continue;
      ASSERT_FALSE(shown.empty());
      EXPECT_EQ(psnr(shown.back(), whole.back()), psnr(whole.back(), whole.back())) << i;
    }
  }
}

/// The texts of all violations in the stand-in's sources, and the strings of its tests.
TEST(NvencRuleBook, EveryRuleIsBrokenByATest) {
  const auto strings = [](const std::string& text, const std::regex& pattern) {
    std::set<std::string> found;
    for (std::sregex_iterator it(text.begin(), text.end(), pattern); it != std::sregex_iterator();
         ++it) {
      found.insert((*it)[1].str());
    }
    return found;
  };
  std::set<std::string> rules;
  std::set<std::string> broken;
  for (const auto& file : std::filesystem::directory_iterator(LUMEN_SIM_NVENC_SOURCES)) {
    std::ifstream stream(file.path());
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (file.path().filename().string().ends_with("_test.cpp")) {
      broken.merge(strings(text, std::regex(R"re("((?:[^"\\\n]|\\.){8,})")re")));
    } else {
      rules.merge(strings(text, std::regex(R"re((?:violation\(|broken\(\s*\w+,\s*)"([^"]+)")re")));
      if (file.path().filename() == "api_picture.cpp") {
        rules.merge(strings(text, std::regex(R"re(refuse\("([^"]+)")re")));
      }
    }
  }
  EXPECT_GE(rules.size(), 50U) << "the rules are written in another way now";
  for (const std::string& rule : rules) {
    const bool tested = std::ranges::any_of(broken, [&](const std::string& text) {
      const std::size_t name = text.find(": ");
      const std::string what = name == std::string::npos ? text : text.substr(name + 2);
      return rule.find(what) != std::string::npos || what.starts_with(rule);
    });
    EXPECT_TRUE(tested) << "no test breaks the rule \"" << rule << "\"";
  }
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
