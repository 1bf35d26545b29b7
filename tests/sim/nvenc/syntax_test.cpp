// What a client asks for shows in the stream: picture types, headers, slices.
#include <algorithm>

extern "C" {
#include <libavcodec/avcodec.h>
}

#include "test_effects.h"

namespace lumen::sim::nvenc::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr int kSlice = 1;
constexpr int kIdrSlice = 5;
constexpr int kSeiUnit = 6;
constexpr int kSps = 7;
constexpr int kPps = 8;
constexpr int kDelimiter = 9;
constexpr int kHevcVps = 32;
constexpr int kHevcSps = 33;
constexpr int kHevcPps = 34;
constexpr int kHevcDelimiter = 35;
constexpr int kHevcIdr = 20;  // IDR_N_LP

class Syntax : public EffectTest {};

TEST_F(Syntax, ForcedPictureTypes) {
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

TEST_F(Syntax, TheClientMayDecideTypes) {
  const auto client = make_client();
  client->start([](Client& c) { c.params.enablePTD = 0; });
  const auto as = [](NV_ENC_PIC_TYPE type) {
    return [type](NV_ENC_PIC_PARAMS& what) { what.pictureType = type; };
  };
  EXPECT_EQ(client->encode(0, as(NV_ENC_PIC_TYPE_IDR)).type, NV_ENC_PIC_TYPE_IDR);
  EXPECT_EQ(client->encode(1, as(NV_ENC_PIC_TYPE_P)).type, NV_ENC_PIC_TYPE_P);
  EXPECT_EQ(client->encode(2, as(NV_ENC_PIC_TYPE_IDR)).type, NV_ENC_PIC_TYPE_IDR);
}

TEST_F(Syntax, GopLength) {
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

TEST_F(Syntax, BFramesAreRefused) {
  const auto client = make_client();
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  client->take_preset();
  client->config.frameIntervalP = 2;
  EXPECT_EQ(client->initialize(), NV_ENC_ERR_INVALID_PARAM);
}

TEST_F(Syntax, ParameterSets) {
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
      EXPECT_THAT(types, Not(Contains(kSeiUnit)));
      if (std::ranges::count(types, kSps) != 0) pictures.push_back(i);
    }
    return pictures;
  };
  EXPECT_THAT(sets(nullptr), ElementsAre(0, 3));
  EXPECT_THAT(sets([](Client& c) { h264(c).repeatSPSPPS = 1; }), ElementsAre(0, 2, 3));
  EXPECT_THAT(sets([](Client& c) { h264(c).disableSPSPPS = 1; }), ElementsAre(3));
}

TEST_F(Syntax, SequenceParametersAreThoseOfTheStream) {
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

TEST_F(Syntax, DelimitersComeFirst) {
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

TEST_F(Syntax, ProfileLevelAndColourAreWritten) {
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

TEST_F(Syntax, EntropyCoding) {
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

TEST_F(Syntax, Slices) {
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

TEST_F(Syntax, SubFrameReadback) {
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

TEST_F(Syntax, NotWaitingMayFindTheEncoderBusy) {
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

TEST_F(Syntax, TheSameBytesEveryTime) {
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
TEST_F(Syntax, NothingIsEncodedIntoAValidStream) {
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
