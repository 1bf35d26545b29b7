// lumen's formats ↔ SPA's video formats and format pods: one two-way table, one builder, one
// parser.
//
// Facts about negotiation come from PipeWire's DMA-BUF sharing documentation
// (doc/dox/internals/dma-buf.dox) and from what compositors were seen to accept.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <spa/param/video/raw.h>
#include <spa/pod/pod.h>

#include "capture/capture_source.h"

namespace lumen::pipewire {

spa_video_format to_spa(Fourcc format);  // SPA_VIDEO_FORMAT_UNKNOWN where SPA has no name for it
Fourcc from_spa(std::uint32_t format);   // kNone where lumen can't read it

/// SPA's numbers of primaries and transfer function; BT.709 where they are unknown.
ColorDescription color_of(std::uint32_t primaries, std::uint32_t transfer);

/// Whether the offers mention maxFramerate. Some producers refuse a format because of it.
enum class MaxFramerate { kOffer, kOmit };

/// What a gamescope's node can be asked for. Its Format object has two properties of gamescope's
/// own for that (src/pipewire_gamescope.hpp of gamescope); other producers don't know them.
struct GamescopeWishes {
  /// It draws the picture no larger than this, with its shape kept, and never larger than its
  /// output. {0, 0}: as large as the output.
  Extent largest;
  /// Steam's number of the application to show, whether it has the focus or not, without overlay.
  /// 0: what has the focus.
  std::uint32_t app_id = 0;
};

/// One EnumFormat pod per offer, in order. A pod with modifiers carries them as a Choice with
/// MANDATORY | DONT_FIXATE, the best one first and repeated as default: the producer allocates,
/// fixates and announces the format again with a single modifier. The pods' memory lives in this
/// object.
class FormatPods {
 public:
  FormatPods(const CaptureRequest& request, MaxFramerate max_framerate,
             const GamescopeWishes& wishes = {});
  [[nodiscard]] std::vector<const spa_pod*>& pods() { return pods_; }

 private:
  std::vector<std::vector<std::uint64_t>> storage_;  // pods are 8-byte aligned
  std::vector<const spa_pod*> pods_;
};

struct VideoFormat {
  Fourcc format = Fourcc::kNone;
  Extent size;
  FrameRate rate;
  FrameRate max_rate;
  ColorDescription color;
  std::optional<Modifier> modifier;  // absent: the plain twin; "linear" is a value, not an absence
};

/// Parses a negotiated Format pod. kRetry while the modifier still waits for the producer's
/// fixation (DONT_FIXATE is set): the next announcement decides. kFormatRejected where the format
/// or size is none that lumen can take; peers are validated, never trusted.
Result<VideoFormat> parse_format(const spa_pod* pod);

}  // namespace lumen::pipewire
