// What goes in comes out: every codec with the formats and kinds of memory that lumen uses.
#include <tuple>

#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

constexpr double kGood = 35;

using Case = std::tuple<const char*, NV_ENC_BUFFER_FORMAT, Source>;

const GUID& codec_named(const char* name) {
  return std::string_view(name) == "h264" ? NV_ENC_CODEC_H264_GUID : NV_ENC_CODEC_HEVC_GUID;
}

class Encode : public SimNvenc, public ::testing::WithParamInterface<Case> {};

TEST_P(Encode, TheDecoderGivesThePicturesBack) {
  const auto& [name, format, source] = GetParam();
  const auto client = make_client(codec_named(name));
  client->start(nullptr, format, source);
  Decoder decoder(name);
  for (int i = 0; i < 8; ++i) {
    const Packet packet = client->encode(i);
    EXPECT_EQ(packet.type, i == 0 ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P);
    EXPECT_EQ(packet.time_stamp, 1000U + static_cast<unsigned>(i));
    EXPECT_EQ(packet.index, static_cast<unsigned>(i));
    const auto decoded = decoder.decode(packet.bytes);
    ASSERT_EQ(decoded.size(), 1U) << "picture " << i;
    EXPECT_GE(psnr(decoded[0], expected(320, 192, i)), kGood) << "picture " << i;
  }
  EXPECT_EQ(decoder.errors(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    , Encode,
    ::testing::Combine(::testing::Values("h264", "hevc"),
                       ::testing::Values(NV_ENC_BUFFER_FORMAT_NV12, NV_ENC_BUFFER_FORMAT_ARGB),
                       ::testing::Values(Source::kPointer, Source::kArray, Source::kBuffer)));
INSTANTIATE_TEST_SUITE_P(
    Rare, Encode,
    ::testing::Values(Case("h264", NV_ENC_BUFFER_FORMAT_ABGR, Source::kPointer),
                      Case("hevc", NV_ENC_BUFFER_FORMAT_ABGR, Source::kArray),
                      Case("h264", NV_ENC_BUFFER_FORMAT_YV12, Source::kBuffer),
                      Case("hevc", NV_ENC_BUFFER_FORMAT_IYUV, Source::kBuffer)));

class EncodeMore : public SimNvenc {
 protected:
  void round_trip(const char* name, NV_ENC_BUFFER_FORMAT format,
                  const std::function<void(Client&)>& change) {
    const auto client = make_client(codec_named(name));
    client->start(change, format);
    Decoder decoder(name);
    for (int i = 0; i < 4; ++i) {
      const auto decoded = decoder.decode(client->encode(i).bytes);
      ASSERT_EQ(decoded.size(), 1U);
      EXPECT_GE(psnr(decoded[0], expected(320, 192, i)), kGood);
    }
  }
};

TEST_F(EncodeMore, HevcOfTenBits) {
  round_trip("hevc", NV_ENC_BUFFER_FORMAT_YUV420_10BIT, [](Client& client) {
    client.config.profileGUID = NV_ENC_HEVC_PROFILE_MAIN10_GUID;
    set_ten_bits(client.config.encodeCodecConfig.hevcConfig);
  });
}

TEST_F(EncodeMore, H264WithFullChroma) {
  round_trip("h264", NV_ENC_BUFFER_FORMAT_YUV444, [](Client& client) {
    client.config.profileGUID = NV_ENC_H264_PROFILE_HIGH_444_GUID;
    client.config.encodeCodecConfig.h264Config.chromaFormatIDC = 3;
  });
}

TEST_F(EncodeMore, HevcWithFullChroma) {
  round_trip("hevc", NV_ENC_BUFFER_FORMAT_YUV444, [](Client& client) {
    client.config.profileGUID = NV_ENC_HEVC_PROFILE_FREXT_GUID;
    client.config.encodeCodecConfig.hevcConfig.chromaFormatIDC = 3;
  });
}

TEST_F(EncodeMore, HevcOfTenBitsWithFullChroma) {
  round_trip("hevc", NV_ENC_BUFFER_FORMAT_YUV444_10BIT, [](Client& client) {
    client.config.profileGUID = NV_ENC_HEVC_PROFILE_FREXT_GUID;
    client.config.encodeCodecConfig.hevcConfig.chromaFormatIDC = 3;
    set_ten_bits(client.config.encodeCodecConfig.hevcConfig);
  });
}

TEST_F(EncodeMore, RgbWithTheMatrixOfTheVui) {
  const auto encode = [&](std::uint32_t matrix) {
    const auto client = make_client();
    client->start(
        [&](Client& c) {
          set_colour(c.config.encodeCodecConfig.h264Config.h264VUIParameters, 1, 1, matrix);
        },
        NV_ENC_BUFFER_FORMAT_ARGB);
    Decoder decoder("h264");
    const auto decoded = decoder.decode(client->encode(0).bytes);
    return psnr(decoded.at(0), expected(320, 192, 0));
  };
  EXPECT_GE(encode(1), kGood);
  EXPECT_LT(encode(6), kGood);  // BT.601 is something else
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
