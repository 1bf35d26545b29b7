// AV1, where the API has it: key frames, rates, headers and maps take effect; what SVT-AV1 can't do
// is not claimed.
#include "test_effects.h"

#if NVENCAPI_MAJOR_VERSION >= 12

namespace lumen::sim::nvenc::testing {
namespace {

constexpr int kDelimiter = 2;
constexpr int kSequenceHeader = 1;

class Av1 : public EffectTest {
 protected:
  void SetUp() override {
    SimNvenc::SetUp();
    ASSERT_EQ(nvenc.set_gpu("ada"), 1);
  }
  static NV_ENC_CONFIG_AV1& av1(Client& client) {
    return client.config.encodeCodecConfig.av1Config;
  }
  /// The types of its units; all have size fields.
  static std::vector<int> obu_types(const Bytes& bytes) {
    std::vector<int> types;
    for (std::size_t at = 0; at < bytes.size();) {
      types.push_back(bytes[at] >> 3 & 15);
      std::size_t next = at + ((bytes[at] & 4) != 0 ? 2 : 1);
      std::size_t size = 0;
      for (int shift = 0;; shift += 7) {
        size |= std::size_t{bytes.at(next) & 0x7fU} << shift;
        if ((bytes.at(next++) & 0x80) == 0) break;
      }
      at = next + size;
      EXPECT_LE(at, bytes.size());
    }
    return types;
  }
};

TEST_F(Av1, ForcedKeyFramesAreTheOnlyOnes) {
  const auto client = make_client(NV_ENC_CODEC_AV1_GUID);
  client->start([](Client& c) { av1(c).repeatSeqHdr = 1; });
  Decoder decoder("libdav1d");
  Decoder late("libdav1d");
  for (int i = 0; i < 30; ++i) {
    const bool key = i == 0 || i == 7 || i == 8;
    const Packet packet =
        client->encode(i, flags(i == 0 || !key ? 0 : std::uint32_t{NV_ENC_PIC_FLAG_FORCEIDR}));
    EXPECT_EQ(packet.type, key ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P) << i;
    EXPECT_GE(decoded_quality(decoder, packet, i), 35) << i;
    const auto types = obu_types(packet.bytes);
    EXPECT_EQ(types.front(), kDelimiter);
    EXPECT_EQ(types.at(1) == kSequenceHeader, key) << i;
    if (i >= 8) {
      EXPECT_GE(decoded_quality(late, packet, i), 35) << "decoding starts at a key frame";
    }
  }
}

TEST_F(Av1, TheBitRateChangesWithoutAKeyFrame) {
  const auto client = make_client(NV_ENC_CODEC_AV1_GUID, 640, 384);
  const auto rate = [](NV_ENC_CONFIG& config, std::uint32_t bits) {
    config.rcParams.rateControlMode = NV_ENC_PARAMS_RC_CBR;
    config.rcParams.averageBitRate = config.rcParams.maxBitRate = bits;
    config.rcParams.vbvBufferSize = bits / 40;
  };
  client->start([&](Client& c) { rate(c.config, 3'000'000); });
  std::array<double, 2> bits{};
  for (int i = 0; i < 180; ++i) {
    if (i == 90) {
      EXPECT_EQ(client->reconfigure([&](NV_ENC_RECONFIGURE_PARAMS& params) {
        rate(*params.reInitEncodeParams.encodeConfig, 600'000);
      }),
                NV_ENC_SUCCESS);
    }
    const Packet packet = client->encode(i);
    EXPECT_EQ(packet.type == NV_ENC_PIC_TYPE_IDR, i == 0) << i;
    if (i % 90 >= 30) bits[static_cast<std::size_t>(i / 90)] += double(packet.bytes.size()) * 8;
  }
  EXPECT_LT(bits[0], 3'300'000);
  EXPECT_GT(bits[0], 1'000'000);
  EXPECT_LT(bits[1], 660'000);
}

TEST_F(Av1, QpDeltasMakeAPartBetter) {
  const auto quality = [&](std::int8_t left) {
    const auto client = make_client(NV_ENC_CODEC_AV1_GUID);
    client->start([](Client& c) {
      c.config.rcParams.qpMapMode = NV_ENC_QP_MAP_DELTA;
      c.config.rcParams.averageBitRate = 1'000'000;
    });
    std::vector<std::int8_t> deltas(5 * 3);
    for (std::size_t i = 0; i < deltas.size(); ++i) deltas[i] = i % 5 < 2 ? left : 0;
    Decoder decoder("libdav1d");
    Yuv last;
    for (int i = 0; i < 4; ++i) {
      const Packet packet = client->encode(i, [&](NV_ENC_PIC_PARAMS& what) {
        what.qpDeltaMap = deltas.data();
        what.qpDeltaMapSize = static_cast<std::uint32_t>(deltas.size());
      });
      last = decoder.decode(packet.bytes).at(0);
    }
    Yuv wanted = expected(320, 192, 3);
    const auto keep_left = [](Yuv& yuv) {
      for (std::size_t i = 0; i < yuv.y.size(); ++i) {
        if (i % 320 >= 128) yuv.y[i] = 0;
      }
    };
    keep_left(last);
    keep_left(wanted);
    return psnr(last, wanted);
  };
  EXPECT_GT(quality(-12), quality(12) + 1);
}

TEST_F(Av1, WhatTheEncoderBehindItCannotDoIsNotClaimed) {
  const auto client = make_client(NV_ENC_CODEC_AV1_GUID);
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  for (const NV_ENC_CAPS which :
       {NV_ENC_CAPS_SUPPORT_INTRA_REFRESH, NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION,
        NV_ENC_CAPS_NUM_MAX_LTR_FRAMES, NV_ENC_CAPS_SUPPORT_SUBFRAME_READBACK,
        NV_ENC_CAPS_SUPPORT_YUV444_ENCODE}) {
    NV_ENC_CAPS_PARAM params{};
    params.version = NV_ENC_CAPS_PARAM_VER;
    params.capsToQuery = which;
    int value = -1;
    EXPECT_EQ(
        client->api.nvEncGetEncodeCaps(client->encoder, NV_ENC_CODEC_AV1_GUID, &params, &value),
        NV_ENC_SUCCESS);
    EXPECT_EQ(value, 0) << which;
  }
  client->take_preset();
  av1(*client).enableIntraRefresh = 1;
  av1(*client).intraRefreshPeriod = 100;
  av1(*client).intraRefreshCnt = 10;
  EXPECT_EQ(client->initialize(), NV_ENC_ERR_INVALID_PARAM);
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing

#endif
