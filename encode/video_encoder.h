// A video encoder: NVENC through its SDK, NVENC through FFmpeg, x264, x265, SVT-AV1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "encode/encoded_frame.h"
#include "zerocopy/frame.h"

namespace lumen {

namespace cuda {
class Gpu;
}

enum class Profile : std::uint8_t { kAuto, kBaseline, kMain, kHigh };
enum class EntropyCoder : std::uint8_t { kAuto, kCavlc, kCabac };  // of H.264
enum class Chroma : std::uint8_t { k420, k444 };
/// What EncodeRequest::qp_map is made of, if there will be any: what to add to the quantizer, or
/// levels of emphasis from 0 (none) to 5, for which the encoder finds the quantizers (H.264 on
/// NVENC).
enum class QpMapKind : std::uint8_t { kNone, kDeltas, kEmphasis };

/// How a receiver that lost something gets a whole picture again. What the encoder can't do becomes
/// the next in line; a key frame is always possible.
enum class Recovery : std::uint8_t { kAuto, kInvalidation, kIntraRefresh, kKeyFrame };

struct EncoderSettings {
  Codec codec = Codec::kH264;
  Extent size;            // both sides even
  Extent max_size;        // reconfigure() may go up to this; empty: `size`
  FrameRate rate{60, 1};  // nominal and upper bound
  /// Constant bit rate, and the buffer that lets single frames be larger, in frames at that rate.
  std::uint64_t bitrate_bps = 20'000'000;
  double vbv_frames = 1.5;
  /// Set: constant quality (QP of P frames on H.264's scale, 0 to 51, whatever the codec) and no
  /// bit rate.
  std::optional<unsigned> constant_qp;
  /// Let the encoder read packed RGB where the producer drew it and convert the colours itself, if
  /// it can; else it reads what an import route has converted.
  bool in_place = false;
  /// Backends make ready for what they can; kKeyFrame spares that.
  Recovery recovery = Recovery::kAuto;
  unsigned refresh_frames = 30;  // an intra-refresh wave takes so many
  unsigned slices = 1;           // per picture
  unsigned slice_rows = 0;       // or so many rows of blocks per slice; 0: as `slices` says
  EntropyCoder entropy = EntropyCoder::kAuto;
  Profile profile = Profile::kAuto;
  Chroma chroma = Chroma::k420;  // 4:4:4 keeps the colours of thin lines: text
  unsigned bit_depth = 8;        // 8 or 10
  /// An encoder that can't do that many bits may make a stream of 8 (EncoderInput::format tells),
  /// rather than be passed over.
  bool depth_is_wish = false;
  /// Hand out a picture's slices as they are done, where the encoder can (EncodedFrame::last).
  bool sub_frame = false;
  QpMapKind qp_map = QpMapKind::kNone;  // backends may need to know before
  std::string level;                    // "4.1"; empty: what size, rate and bit rate need
  std::string preset;                   // speed preset; empty: the backend's default
  ColorDescription color;
};

/// What an encoder works with besides its settings.
struct EncoderDevice {
  /// The GPU that the import routes use too; null: none, and encoders that need one open no other.
  std::shared_ptr<cuda::Gpu> gpu;
};

/// What encode() would rather be given. An encoder that wants CUDA memory takes host memory of the
/// same format too, and brings it over by itself.
struct EncoderInput {
  Fourcc format = Fourcc::kNV12;
  FrameMemory memory = FrameMemory::kHost;
  bool in_place = false;             // takes what the producer drew, too: CudaArray, D3d11Texture
  Fourcc converted = Fourcc::kNV12;  // instead of packed RGB, where a route can't make that
};

/// What an open encoder can do besides key frames.
struct EncoderCapabilities {
  Extent largest;               // picture; empty: nothing but the codec's levels limits it
  bool invalidation = false;    // EncodeRequest::Repair::kInvalidate
  unsigned references = 0;      // with invalidation: pictures that may still be referred to
  bool intra_refresh = false;   // EncodeRequest::Repair::kIntraRefresh
  bool change_bitrate = false;  // reconfigure() with the bit rate
  bool change_size = false;     // reconfigure() with the size
  bool damage = false;          // cheaper where Frame::damage says that little has changed
  bool sub_frame = false;       // hands out slices as they are done
  unsigned qp_block = 0;        // takes EncodeRequest::qp_map with blocks of this side; 0: does not
};

/// What to add to the quantizer, block by block: negative where the picture matters more. With
/// QpMapKind::kEmphasis: how much each block matters.
struct QpMap {
  unsigned block =
      16;  // side of a block in pixels; the encoder's own, EncoderCapabilities::qp_block
  std::vector<std::int8_t> deltas;  // rows of blocks, left to right, top to bottom
};

/// How one picture is to be coded.
struct EncodeRequest {
  enum class Repair : std::uint8_t {
    kNone,
    kKeyFrame,      // an IDR
    kIntraRefresh,  // a wave of intra blocks starts with this picture, unless one is under way
    kInvalidate,    // no picture from here on refers to lost ones, directly or not
  };
  Repair repair = Repair::kNone;
  /// kInvalidate: the pts of the oldest picture that a receiver lacks. It and all later ones count
  /// as lost. Where the encoder has none older left, it makes a key frame.
  Timestamp lost_from = kNoTimestamp;
  std::shared_ptr<const QpMap> qp_map;  // of this picture only; null: none

  static EncodeRequest key_frame(bool wanted = true) {
    return {.repair = wanted ? Repair::kKeyFrame : Repair::kNone};
  }
};

/// What reconfigure() changes; the rest stays.
struct EncoderChange {
  std::optional<std::uint64_t> bitrate_bps;
  std::optional<FrameRate> rate;
  std::optional<Extent> size;  // both sides even, at most EncoderSettings::max_size
};

inline EncoderSettings changed(EncoderSettings settings, const EncoderChange& change) {
  if (change.bitrate_bps) settings.bitrate_bps = *change.bitrate_bps;
  if (change.rate) settings.rate = *change.rate;
  if (change.size) settings.size = *change.size;
  return settings;
}

/// Receives access units in coding order; may be called on the thread that calls encode() or on a
/// thread of the encoder's own, never on two at once.
using EncodedFrameCallback = std::function<void(EncodedFrame)>;

/// One thread calls.
class VideoEncoder {
 public:
  virtual ~VideoEncoder() = default;  // what is still inside is dropped

  [[nodiscard]] virtual EncoderInput input() const = 0;
  [[nodiscard]] virtual EncoderCapabilities capabilities() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const StreamParameters> stream() const = 0;

  /// Marks kSubmitted and kEncoded. pts is the frame's kProduced and must grow. The frame's memory
  /// is held until it was read.
  /// Errors: kDeviceLost or kIo, this instance is done: open another. kInvalidArgument.
  virtual Result<void> encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) = 0;

  /// From the next encode() on. A new size begins with a key frame and new stream() parameters.
  /// Errors: kUnsupported, nothing has changed and the encoder goes on: open another for it;
  /// kDeviceLost, kIo as for encode().
  virtual Result<void> reconfigure(const EncoderChange& change) = 0;

  /// Hands out what is still inside. Nothing may be encoded afterwards.
  virtual Result<void> flush() = 0;
};

}  // namespace lumen
