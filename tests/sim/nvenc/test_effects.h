// What tests of visible effects share: short ways to a codec's settings and to a picture's quality.
#pragma once

#include "test_client.h"

namespace lumen::sim::nvenc::testing {

class EffectTest : public SimNvenc {
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

}  // namespace lumen::sim::nvenc::testing
