#include "codec.h"

namespace lumen::sim::nvenc {

std::unique_ptr<Codec> Codec::make(const StreamConfig& config) {
  switch (config.codec) {
    case CodecKind::kH264: return make_h264(config);
    case CodecKind::kHevc:
#if defined(LUMEN_SIM_NVENC_HEVC)
      return make_hevc(config);
#else
      break;
#endif
    case CodecKind::kAv1:
#if defined(LUMEN_SIM_NVENC_AV1)
      return make_av1(config);
#else
      break;
#endif
  }
  return nullptr;
}

}  // namespace lumen::sim::nvenc
