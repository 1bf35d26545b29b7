#include "encode/nvenc/buffer_format.h"

namespace lumen::nvenc {

// NVENC names formats by the order in a word, as DRM does: ARGB is BGRA in memory.
Result<NV_ENC_BUFFER_FORMAT> buffer_format(Fourcc format) {
  switch (format) {
    case Fourcc::kNV12: return NV_ENC_BUFFER_FORMAT_NV12;
    case Fourcc::kI420: return NV_ENC_BUFFER_FORMAT_IYUV;
    case Fourcc::kI444: return NV_ENC_BUFFER_FORMAT_YUV444;
    case Fourcc::kP010: return NV_ENC_BUFFER_FORMAT_YUV420_10BIT;
    case Fourcc::kQ410: return NV_ENC_BUFFER_FORMAT_YUV444_10BIT;
    case Fourcc::kBGRx:
    case Fourcc::kBGRA: return NV_ENC_BUFFER_FORMAT_ARGB;
    case Fourcc::kRGBx:
    case Fourcc::kRGBA: return NV_ENC_BUFFER_FORMAT_ABGR;
    // Ten bits are converted by lumen, which knows the matrix of BT.2020.
    case Fourcc::kXR30:
    case Fourcc::kAR30:
    case Fourcc::kXB30:
    case Fourcc::kAB30:
    case Fourcc::kNone: break;
  }
  return fail(ErrorKind::kInvalidArgument, "NVENC does not take " + to_string(format));
}

}  // namespace lumen::nvenc
