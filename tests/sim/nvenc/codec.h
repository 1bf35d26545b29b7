// A software encoder behind the stand-in's interface: one picture in, one access unit out, on the
// caller's thread, the same bytes every time. Not thread-safe; owned by one session.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "picture.h"
#include "stream_config.h"

namespace lumen::sim::nvenc {

/// What this build has software encoders for, besides H.264 (defined by CMakeLists.txt).
#if defined(LUMEN_SIM_NVENC_HEVC)
inline constexpr bool kHasHevc = true;
#else
inline constexpr bool kHasHevc = false;
#endif
#if defined(LUMEN_SIM_NVENC_AV1)
inline constexpr bool kHasAv1 = true;
#else
inline constexpr bool kHasAv1 = false;
#endif

enum class PictureType { kP, kI, kIdr };

struct Nal {
  enum class Kind { kDelimiter, kParameters, kSlice, kOther };
  Kind kind = Kind::kOther;
  std::vector<std::uint8_t> bytes;  // with start code
};

/// What one picture is to become.
struct PictureOrder {
  PictureType type = PictureType::kP;
  std::int64_t number = 0;                              // of the picture, rising: for invalidate()
  bool start_refresh = false;                           // a wave of intra-refresh begins here
  const std::vector<std::int8_t>* qp_deltas = nullptr;  // one a block; null: none
};

struct CodedPicture {
  std::vector<Nal> nals;
  PictureType type = PictureType::kP;
  unsigned average_qp = 0;
};

class Codec {
 public:
  /// Null: the library refuses the configuration.
  static std::unique_ptr<Codec> make(const StreamConfig& config);
  virtual ~Codec() = default;

  /// Parameter sets only.
  [[nodiscard]] virtual std::vector<std::uint8_t> headers() = 0;
  [[nodiscard]] virtual std::optional<CodedPicture> encode(const Picture& picture,
                                                           const PictureOrder& order) = 0;
  /// Bit rate, VBV and frame rate. False: only a new encoder can do it.
  [[nodiscard]] virtual bool change_rate(const StreamConfig& config) = 0;
  /// The picture and all that depend on it are no references any more. False: not done.
  [[nodiscard]] virtual bool invalidate(std::int64_t number) = 0;
};

std::unique_ptr<Codec> make_h264(const StreamConfig& config);
std::unique_ptr<Codec> make_hevc(const StreamConfig& config);
std::unique_ptr<Codec> make_av1(const StreamConfig& config);

}  // namespace lumen::sim::nvenc
