#include "codec.h"

namespace lumen::sim::nvenc {

std::unique_ptr<Codec> Codec::make(const StreamConfig& config) {
  switch (config.codec) {
    case CodecKind::kH264: return make_h264(config);
    case CodecKind::kHevc: return make_hevc(config);
    case CodecKind::kAv1:
#if NVENCAPI_MAJOR_VERSION >= 12
      return make_av1(config);
#else
      return nullptr;
#endif
  }
  return nullptr;
}

}  // namespace lumen::sim::nvenc
