// Streams that adapt: quantizers and rates, reconfiguration, intra-refresh, lost references.
#include <algorithm>

#include "test_effects.h"

namespace lumen::sim::nvenc::testing {
namespace {

constexpr int kSei = 6;

class Adaptation : public EffectTest {};

TEST_F(Adaptation, ConstantQp) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto client = make_client(codec);
    client->start([](Client& c) {
      c.config.rcParams.rateControlMode = NV_ENC_PARAMS_RC_CONSTQP;
      c.config.rcParams.constQP = {33, 33, 22};
    });
    EXPECT_EQ(client->encode(0).average_qp, 22U) << decoder_name(codec);
    EXPECT_EQ(client->encode(1).average_qp, 33U) << decoder_name(codec);
  }
}

TEST_F(Adaptation, QpDeltasMakeAPartBetter) {
  const auto quality = [&](std::int8_t left) {
    const auto client = make_client();
    client->start([](Client& c) {
      c.config.rcParams.qpMapMode = NV_ENC_QP_MAP_DELTA;
      c.config.rcParams.averageBitRate = 1'000'000;
    });
    std::vector<std::int8_t> deltas(20 * 12);
    for (std::size_t i = 0; i < deltas.size(); ++i) deltas[i] = i % 20 < 10 ? left : 0;
    Decoder decoder("h264");
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
        if (i % 320 >= 160) yuv.y[i] = 0;
      }
    };
    keep_left(last);
    keep_left(wanted);
    return psnr(last, wanted);
  };
  EXPECT_GT(quality(-12), quality(12) + 2);
}

TEST_F(Adaptation, BitRateIsKept) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto client = make_client(codec, 640, 384);
    client->start([](Client& c) {
      c.config.rcParams.rateControlMode = NV_ENC_PARAMS_RC_CBR;
      c.config.rcParams.averageBitRate = 1'200'000;
      c.config.rcParams.vbvBufferSize = 30'000;  // one and a half pictures of 20 kbit
    });
    std::size_t total = 0;
    for (int i = 0; i < 90; ++i) {
      const std::size_t size = client->encode(i).bytes.size();
      if (i >= 30) total += size;
    }
    const double rate = double(total) * 8;  // of one second
    EXPECT_GT(rate, 300'000);
    EXPECT_LT(rate, 1'400'000);
  }
}

TEST_F(Adaptation, ReconfigurationChangesSizes) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto client = make_client(codec, 640, 384);
    client->start([](Client& c) {
      c.config.rcParams.averageBitRate = 6'000'000;
      c.config.rcParams.vbvBufferSize = 150'000;
    });
    Decoder decoder(decoder_name(codec));
    const auto encode = [&](int from) {
      std::size_t total = 0;
      for (int i = from; i < from + 30; ++i) {
        const Packet packet = client->encode(i);
        EXPECT_EQ(packet.type, i == 0 ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P) << i;
        EXPECT_EQ(decoder.decode(packet.bytes).size(), 1U);
        if (i >= from + 10) total += packet.bytes.size();
      }
      return total;
    };
    const auto rate = [&](std::uint32_t bits) {
      client->config.rcParams.averageBitRate = bits;
      client->config.rcParams.vbvBufferSize = bits / 40;
      EXPECT_EQ(client->reconfigure([](auto&) {}), NV_ENC_SUCCESS);
    };
    const std::size_t high = encode(0);
    rate(600'000);
    const std::size_t low = encode(30);
    rate(6'000'000);
    const std::size_t high_again = encode(60);
    EXPECT_LT(double(low), 0.4 * double(high)) << decoder_name(codec);
    EXPECT_GT(double(high_again), 2 * double(low)) << decoder_name(codec);
    EXPECT_EQ(decoder.errors(), 0);
  }
}

TEST_F(Adaptation, ReconfigurationMayResetTheStream) {
  const auto client = make_client();
  client->start();
  client->encode(0);
  client->encode(1);
  EXPECT_EQ(client->reconfigure([](auto& wanted) { wanted.forceIDR = 1; }), NV_ENC_SUCCESS);
  EXPECT_EQ(client->encode(2).type, NV_ENC_PIC_TYPE_IDR);
  EXPECT_EQ(client->encode(3).type, NV_ENC_PIC_TYPE_P);
}

TEST_F(Adaptation, ReconfigurationOfTheSize) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto client = make_client(codec, 640, 384);
    client->start([](Client& c) {
      c.params.maxEncodeWidth = 640;
      c.params.maxEncodeHeight = 384;
    });
    Decoder decoder(decoder_name(codec));
    EXPECT_GE(decoded_quality(decoder, client->encode(0), 0, 640, 384), 35);
    EXPECT_EQ(client->reconfigure([](auto& wanted) {
      wanted.reInitEncodeParams.encodeWidth = 320;
      wanted.reInitEncodeParams.encodeHeight = 192;
    }),
              NV_ENC_SUCCESS);
    // The surface stays as large; the picture is its upper left corner.
    const Packet packet = client->encode(1);
    EXPECT_EQ(packet.type, NV_ENC_PIC_TYPE_IDR);
    const auto decoded = decoder.decode(packet.bytes);
    ASSERT_EQ(decoded.size(), 1U);
    EXPECT_EQ(decoded[0].width, 320);
    EXPECT_EQ(decoded[0].height, 192);
    const Yuv whole = expected(640, 384, 1);
    Yuv corner{320, 192, {}, {}, {}};
    const auto crop = [](const Bytes& from, Bytes& to, std::ptrdiff_t width, std::ptrdiff_t rows) {
      for (std::ptrdiff_t y = 0; y < rows; ++y) {
        to.insert(to.end(), from.begin() + y * width * 2, from.begin() + y * width * 2 + width);
      }
    };
    crop(whole.y, corner.y, 320, 192);
    crop(whole.u, corner.u, 160, 96);
    crop(whole.v, corner.v, 160, 96);
    EXPECT_GE(psnr(decoded[0], corner), 35);
    EXPECT_EQ(client->reconfigure([](auto& wanted) {
      wanted.reInitEncodeParams.encodeWidth = 656;
      wanted.reInitEncodeParams.encodeHeight = 384;
    }),
              NV_ENC_ERR_INVALID_PARAM);
  }
}

TEST_F(Adaptation, TheStructureOfTheStreamIsNotReconfigured) {
  const auto client = make_client();
  client->start();
  client->config.gopLength = 30;
  EXPECT_EQ(client->reconfigure([](auto&) {}), NV_ENC_ERR_INVALID_PARAM);
  client->config.gopLength = NVENC_INFINITE_GOPLENGTH;
  EXPECT_EQ(client->reconfigure([](auto& wanted) { wanted.reInitEncodeParams.enablePTD = 0; }),
            NV_ENC_ERR_INVALID_PARAM);
  EXPECT_EQ(client->reconfigure([](auto&) {}), NV_ENC_SUCCESS);
}

TEST_F(Adaptation, IntraRefreshRepairsTheStreamWithoutKeyPictures) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const bool avc = codec.Data1 == NV_ENC_CODEC_H264_GUID.Data1;
    const auto quality_after_loss = [&](bool refresh) {
      const auto client = make_client(codec);
      client->start([&](Client& c) {
        if (!refresh) return;
        if (avc) {
          h264(c).enableIntraRefresh = 1;
          h264(c).intraRefreshPeriod = 30;
          h264(c).intraRefreshCnt = 10;
        } else {
          hevc(c).enableIntraRefresh = 1;
          hevc(c).intraRefreshPeriod = 30;
          hevc(c).intraRefreshCnt = 10;
        }
      });
      Decoder decoder(decoder_name(codec), true);
      Yuv last;
      int waves = 0;
      for (int i = 0; i < 70; ++i) {
        // A scene of its own at the beginning, so that what is lost is missed.
        const Packet packet = client->encode(i == 0 ? 300 : i);
        EXPECT_NE(packet.type == NV_ENC_PIC_TYPE_IDR, i != 0) << i;
        if (packet.type == NV_ENC_PIC_TYPE_INTRA_REFRESH) ++waves;
        if (i >= 1 && i <= 4) continue;
        const auto decoded = decoder.decode(packet.bytes);
        if (!decoded.empty()) last = decoded.back();
      }
      EXPECT_EQ(waves, refresh ? 2 : 0);
      return psnr(last, expected(320, 192, 69));
    };
    EXPECT_GE(quality_after_loss(true), 35) << decoder_name(codec);
  }
}

TEST_F(Adaptation, IntraRefreshOnDemand) {
  const auto client = make_client();
  client->start([](Client& c) { h264(c).enableIntraRefresh = 1; });
  for (int i = 0; i < 6; ++i) {
    const Packet packet = client->encode(i, [&](NV_ENC_PIC_PARAMS& what) {
      if (i == 3) what.codecPicParams.h264PicParams.forceIntraRefreshWithFrameCnt = 20;
    });
    EXPECT_EQ(packet.type, i == 0   ? NV_ENC_PIC_TYPE_IDR
                           : i == 3 ? NV_ENC_PIC_TYPE_INTRA_REFRESH
                                    : NV_ENC_PIC_TYPE_P);
    const auto types = nal_types(packet.bytes, false);
    EXPECT_EQ(std::ranges::count(types, kSei), i == 3 ? 1 : 0) << "recovery point";
  }
}

TEST_F(Adaptation, AnInvalidatedReferenceIsNotUsed) {
  const auto client = make_client();
  client->start([](Client& c) { h264(c).maxNumRefFrames = 5; });
  Decoder whole("h264");
  Decoder lossy("h264", true);
  std::vector<Yuv> wanted;
  std::vector<Yuv> seen;
  for (int i = 0; i < 12; ++i) {
    if (i == 8) {  // picture 6 is reported lost, and 7 depends on it
      EXPECT_EQ(client->api.nvEncInvalidateRefFrames(client->encoder, 1006), NV_ENC_SUCCESS);
    }
    const Packet packet = client->encode(i);
    EXPECT_EQ(packet.type, i == 0 ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P);
    wanted.push_back(whole.decode(packet.bytes).at(0));
    if (i == 6) continue;
    const auto decoded = lossy.decode(packet.bytes);
    if (i >= 8) {
      ASSERT_FALSE(decoded.empty());
      EXPECT_EQ(decoded.back().y, wanted.back().y) << "picture " << i;
      EXPECT_EQ(decoded.back().u, wanted.back().u) << "picture " << i;
    }
  }
}

TEST_F(Adaptation, WithoutReferencesTheNextPictureIsAKeyPicture) {
  const auto client = make_client();
  client->start([](Client& c) { h264(c).maxNumRefFrames = 1; });
  client->encode(0);
  client->encode(1);
  EXPECT_EQ(client->api.nvEncInvalidateRefFrames(client->encoder, 1001), NV_ENC_SUCCESS);
  EXPECT_EQ(client->encode(2).type, NV_ENC_PIC_TYPE_IDR);
  const auto second = make_client(NV_ENC_CODEC_HEVC_GUID);
  second->start();
  EXPECT_EQ(second->api.nvEncInvalidateRefFrames(second->encoder, 1000),
            NV_ENC_ERR_UNSUPPORTED_PARAM);
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
