// What a client asks for shows in the stream: picture types, headers, slices, rates, references.
#include <algorithm>
#include <numeric>

extern "C" {
#include <libavcodec/avcodec.h>
}

#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr int kSlice = 1;
constexpr int kIdrSlice = 5;
constexpr int kSei = 6;
constexpr int kSps = 7;
constexpr int kPps = 8;
constexpr int kDelimiter = 9;
constexpr int kHevcVps = 32;
constexpr int kHevcSps = 33;
constexpr int kHevcPps = 34;
constexpr int kHevcDelimiter = 35;
constexpr int kHevcIdr = 20;  // IDR_N_LP

class Effects : public SimNvenc {
 protected:
  static NV_ENC_CONFIG_H264& h264(Client& client) {
    return client.config.encodeCodecConfig.h264Config;
  }
  static NV_ENC_CONFIG_HEVC& hevc(Client& client) {
    return client.config.encodeCodecConfig.hevcConfig;
  }
  static auto flags(std::uint32_t value) {
    return [value](NV_ENC_PIC_PARAMS& what) { what.encodePicFlags = value; };
  }
  static double decoded_quality(Decoder& decoder, const Packet& packet, int number, int width = 320,
                                int height = 192) {
    const auto decoded = decoder.decode(packet.bytes);
    return decoded.empty() ? 0 : psnr(decoded.back(), expected(width, height, number));
  }
};

TEST_F(Effects, ForcedPictureTypes) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto client = make_client(codec);
    client->start();
    Decoder decoder(decoder_name(codec));
    std::vector<NV_ENC_PIC_TYPE> types;
    for (int i = 0; i < 40; ++i) {
      const std::uint32_t flag = i == 5    ? NV_ENC_PIC_FLAG_FORCEIDR
                                 : i == 35 ? NV_ENC_PIC_FLAG_FORCEINTRA
                                           : 0;
      const Packet packet = client->encode(i, flags(flag));
      types.push_back(packet.type);
      EXPECT_GE(decoded_quality(decoder, packet, i), 35);
      const auto nals = nal_types(packet.bytes, codec.Data1 == NV_ENC_CODEC_HEVC_GUID.Data1);
      if (codec.Data1 == NV_ENC_CODEC_H264_GUID.Data1) {
        EXPECT_EQ(std::ranges::count(nals, kIdrSlice), i == 0 || i == 5 ? 1 : 0) << i;
      }
    }
    std::vector<NV_ENC_PIC_TYPE> wanted(40, NV_ENC_PIC_TYPE_P);
    wanted[0] = wanted[5] = NV_ENC_PIC_TYPE_IDR;
    wanted[35] = NV_ENC_PIC_TYPE_I;
    EXPECT_EQ(types, wanted);
  }
}

TEST_F(Effects, TheClientMayDecideTypes) {
  const auto client = make_client();
  client->start([](Client& c) { c.params.enablePTD = 0; });
  const auto as = [](NV_ENC_PIC_TYPE type) {
    return [type](NV_ENC_PIC_PARAMS& what) { what.pictureType = type; };
  };
  EXPECT_EQ(client->encode(0, as(NV_ENC_PIC_TYPE_IDR)).type, NV_ENC_PIC_TYPE_IDR);
  EXPECT_EQ(client->encode(1, as(NV_ENC_PIC_TYPE_P)).type, NV_ENC_PIC_TYPE_P);
  EXPECT_EQ(client->encode(2, as(NV_ENC_PIC_TYPE_IDR)).type, NV_ENC_PIC_TYPE_IDR);
}

TEST_F(Effects, GopLength) {
  const auto client = make_client();
  client->start([](Client& c) {
    c.config.gopLength = 4;
    h264(c).idrPeriod = 8;
  });
  std::vector<NV_ENC_PIC_TYPE> types;
  for (int i = 0; i < 9; ++i) types.push_back(client->encode(i).type);
  const auto p = NV_ENC_PIC_TYPE_P;
  EXPECT_THAT(types, ElementsAre(NV_ENC_PIC_TYPE_IDR, p, p, p, NV_ENC_PIC_TYPE_I, p, p, p,
                                 NV_ENC_PIC_TYPE_IDR));
}

TEST_F(Effects, BFramesAreRefused) {
  const auto client = make_client();
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  client->take_preset();
  client->config.frameIntervalP = 2;
  EXPECT_EQ(client->initialize(), NV_ENC_ERR_INVALID_PARAM);
}

TEST_F(Effects, ParameterSets) {
  const auto sets = [&](const std::function<void(Client&)>& change) {
    const auto client = make_client();
    client->start(change);
    std::vector<int> pictures;
    for (int i = 0; i < 4; ++i) {
      const Packet packet =
          client->encode(i, flags(i == 2   ? std::uint32_t{NV_ENC_PIC_FLAG_FORCEIDR}
                                  : i == 3 ? std::uint32_t{NV_ENC_PIC_FLAG_OUTPUT_SPSPPS}
                                           : 0));
      const auto types = nal_types(packet.bytes, false);
      EXPECT_EQ(std::ranges::count(types, kSps), std::ranges::count(types, kPps));
      EXPECT_THAT(types, Not(Contains(kSei)));
      if (std::ranges::count(types, kSps) != 0) pictures.push_back(i);
    }
    return pictures;
  };
  EXPECT_THAT(sets(nullptr), ElementsAre(0, 3));
  EXPECT_THAT(sets([](Client& c) { h264(c).repeatSPSPPS = 1; }), ElementsAre(0, 2, 3));
  EXPECT_THAT(sets([](Client& c) { h264(c).disableSPSPPS = 1; }), ElementsAre(3));
}

TEST_F(Effects, SequenceParametersAreThoseOfTheStream) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto client = make_client(codec);
    client->start();
    Bytes headers(256);
    std::uint32_t size = 0;
    NV_ENC_SEQUENCE_PARAM_PAYLOAD payload{};
    payload.version = NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER;
    payload.inBufferSize = static_cast<std::uint32_t>(headers.size());
    payload.spsppsBuffer = headers.data();
    payload.outSPSPPSPayloadSize = &size;
    ASSERT_EQ(client->api.nvEncGetSequenceParams(client->encoder, &payload), NV_ENC_SUCCESS);
    headers.resize(size);
    const Packet packet = client->encode(0);
    ASSERT_GT(packet.bytes.size(), headers.size());
    EXPECT_TRUE(std::equal(headers.begin(), headers.end(), packet.bytes.begin()));
    payload.inBufferSize = 8;
    EXPECT_EQ(client->api.nvEncGetSequenceParams(client->encoder, &payload),
              NV_ENC_ERR_NOT_ENOUGH_BUFFER);
  }
}

TEST_F(Effects, DelimitersComeFirst) {
  const auto avc = make_client();
  avc->start([](Client& c) { h264(c).outputAUD = 1; });
  EXPECT_THAT(nal_types(avc->encode(0).bytes, false),
              ElementsAre(kDelimiter, kSps, kPps, kIdrSlice));
  EXPECT_THAT(nal_types(avc->encode(1).bytes, false), ElementsAre(kDelimiter, kSlice));
  const auto second = make_client(NV_ENC_CODEC_HEVC_GUID);
  second->start([](Client& c) { hevc(c).outputAUD = 1; });
  EXPECT_THAT(nal_types(second->encode(0).bytes, true),
              ElementsAre(kHevcDelimiter, kHevcVps, kHevcSps, kHevcPps, kHevcIdr));
}

TEST_F(Effects, ProfileLevelAndColourAreWritten) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const bool avc = codec.Data1 == NV_ENC_CODEC_H264_GUID.Data1;
    const auto client = make_client(codec);
    client->start([&](Client& c) {
      set_colour(avc ? h264(c).h264VUIParameters : hevc(c).hevcVUIParameters, 9, 16, 9);
      if (avc) {
        c.config.profileGUID = NV_ENC_H264_PROFILE_MAIN_GUID;
        h264(c).level = NV_ENC_LEVEL_H264_42;
      } else {
        hevc(c).level = NV_ENC_LEVEL_HEVC_51;
      }
    });
    Decoder decoder(decoder_name(codec));
    ASSERT_EQ(decoder.decode(client->encode(0).bytes).size(), 1U);
    EXPECT_EQ(decoder.context().color_primaries, AVCOL_PRI_BT2020);
    EXPECT_EQ(decoder.context().color_trc, AVCOL_TRC_SMPTE2084);
    EXPECT_EQ(decoder.context().colorspace, AVCOL_SPC_BT2020_NCL);
    EXPECT_EQ(decoder.context().color_range, AVCOL_RANGE_MPEG);
    EXPECT_EQ(decoder.context().profile, avc ? FF_PROFILE_H264_MAIN : FF_PROFILE_HEVC_MAIN);
    EXPECT_EQ(decoder.context().level, avc ? 42 : 153);
  }
}

TEST_F(Effects, EntropyCoding) {
  const auto size = [&](NV_ENC_H264_ENTROPY_CODING_MODE mode) {
    const auto client = make_client();
    client->start([&](Client& c) {
      h264(c).entropyCodingMode = mode;
      c.config.rcParams.rateControlMode = NV_ENC_PARAMS_RC_CONSTQP;
    });
    return client->encode(0).bytes.size();
  };
  EXPECT_LT(size(NV_ENC_H264_ENTROPY_CODING_MODE_CABAC),
            size(NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC));
}

TEST_F(Effects, ConstantQp) {
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

TEST_F(Effects, QpDeltasMakeAPartBetter) {
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

TEST_F(Effects, BitRateIsKept) {
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

TEST_F(Effects, ReconfigurationChangesSizes) {
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

TEST_F(Effects, ReconfigurationMayResetTheStream) {
  const auto client = make_client();
  client->start();
  client->encode(0);
  client->encode(1);
  EXPECT_EQ(client->reconfigure([](auto& wanted) { wanted.forceIDR = 1; }), NV_ENC_SUCCESS);
  EXPECT_EQ(client->encode(2).type, NV_ENC_PIC_TYPE_IDR);
  EXPECT_EQ(client->encode(3).type, NV_ENC_PIC_TYPE_P);
}

TEST_F(Effects, ReconfigurationOfTheSize) {
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

TEST_F(Effects, TheStructureOfTheStreamIsNotReconfigured) {
  const auto client = make_client();
  client->start();
  client->config.gopLength = 30;
  EXPECT_EQ(client->reconfigure([](auto&) {}), NV_ENC_ERR_INVALID_PARAM);
  client->config.gopLength = NVENC_INFINITE_GOPLENGTH;
  EXPECT_EQ(client->reconfigure([](auto& wanted) { wanted.reInitEncodeParams.enablePTD = 0; }),
            NV_ENC_ERR_INVALID_PARAM);
  EXPECT_EQ(client->reconfigure([](auto&) {}), NV_ENC_SUCCESS);
}

TEST_F(Effects, IntraRefreshRepairsTheStreamWithoutKeyPictures) {
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

TEST_F(Effects, IntraRefreshOnDemand) {
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

TEST_F(Effects, AnInvalidatedReferenceIsNotUsed) {
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

TEST_F(Effects, WithoutReferencesTheNextPictureIsAKeyPicture) {
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

TEST_F(Effects, Slices) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const bool avc = codec.Data1 == NV_ENC_CODEC_H264_GUID.Data1;
    const auto client = make_client(codec);
    client->start([&](Client& c) {
      c.params.reportSliceOffsets = 1;
      (avc ? h264(c).sliceMode : hevc(c).sliceMode) = 3;
      (avc ? h264(c).sliceModeData : hevc(c).sliceModeData) = 4;
    });
    Decoder decoder(decoder_name(codec));
    for (int i = 0; i < 3; ++i) {
      const Packet packet = client->encode(i);
      ASSERT_EQ(packet.slices.size(), 4U) << decoder_name(codec);
      for (const std::uint32_t offset : packet.slices) {
        EXPECT_EQ(packet.bytes.at(offset), 0) << "a start code";
      }
      EXPECT_GE(decoded_quality(decoder, packet, i), 35);
    }
  }
}

TEST_F(Effects, SubFrameReadback) {
  const auto client = make_client();
  client->start([](Client& c) {
    c.params.reportSliceOffsets = 1;
    c.params.enableSubFrameWrite = 1;
    h264(c).sliceMode = 3;
    h264(c).sliceModeData = 3;
  });
  client->write(pixels(client->format, 320, 192, 0));
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  ASSERT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  std::vector<std::uint32_t> offsets(64);
  std::uint32_t last = 0;
  for (unsigned slices = 1; slices <= 3; ++slices) {
    NV_ENC_LOCK_BITSTREAM locked{};
    locked.doNotWait = 1;
    locked.sliceOffsets = offsets.data();
    if (slices == 1) {
      EXPECT_EQ(client->lock(locked), NV_ENC_ERR_LOCK_BUSY);
    }
    ASSERT_EQ(client->lock(locked), NV_ENC_SUCCESS);
    EXPECT_EQ(locked.numSlices, slices);
    EXPECT_GT(locked.bitstreamSizeInBytes, last);
    EXPECT_EQ(locked.hwEncodeStatus == 2, slices == 3);
    last = locked.bitstreamSizeInBytes;
    EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  }
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
}

TEST_F(Effects, NotWaitingMayFindTheEncoderBusy) {
  const auto client = make_client();
  client->start();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  ASSERT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  NV_ENC_LOCK_BITSTREAM locked{};
  locked.doNotWait = 1;
  EXPECT_EQ(client->lock(locked), NV_ENC_ERR_LOCK_BUSY);
  EXPECT_EQ(client->lock(locked), NV_ENC_SUCCESS);
  NV_ENC_STAT stats{};
  stats.version = NV_ENC_STAT_VER;
  stats.outputBitStream = client->bitstream;
  EXPECT_EQ(client->api.nvEncGetEncodeStats(client->encoder, &stats), NV_ENC_SUCCESS);
  EXPECT_EQ(stats.bitStreamSize, locked.bitstreamSizeInBytes);
  EXPECT_EQ(stats.picType, static_cast<std::uint32_t>(NV_ENC_PIC_TYPE_IDR));
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
}

TEST_F(Effects, TheSameBytesEveryTime) {
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto encode = [&] {
      const auto client = make_client(codec);
      client->start();
      Bytes all;
      for (int i = 0; i < 5; ++i) {
        const Bytes bytes = client->encode(i).bytes;
        all.insert(all.end(), bytes.begin(), bytes.end());
      }
      return all;
    };
    EXPECT_EQ(encode(), encode());
  }
}

// LUMEN_SIM_NVENC_ENCODE=nothing.
TEST_F(Effects, NothingIsEncodedIntoAValidStream) {
  ASSERT_EQ(nvenc.set_encode_mode("nothing"), 1);
  for (const GUID& codec : {NV_ENC_CODEC_H264_GUID, NV_ENC_CODEC_HEVC_GUID}) {
    const auto client = make_client(codec);
    client->start();
    Decoder decoder(decoder_name(codec));
    for (int i = 0; i < 70; ++i) {
      const Packet packet =
          client->encode(i, flags(i == 45 ? std::uint32_t{NV_ENC_PIC_FLAG_FORCEIDR} : 0));
      EXPECT_EQ(packet.type, i == 0 || i == 45 ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P);
      const auto decoded = decoder.decode(packet.bytes);
      ASSERT_EQ(decoded.size(), 1U) << i;
      EXPECT_GE(psnr(decoded[0], expected(320, 192, 0)), 25) << i;
      if (i != 0 && i != 45) {
        EXPECT_LT(packet.bytes.size(), 200U);
      }
    }
    EXPECT_EQ(decoder.errors(), 0);
  }
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
