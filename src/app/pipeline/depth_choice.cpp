#include "app/pipeline/depth_choice.h"

#include <fmt/format.h>

namespace lumen {

unsigned stream_depth(const EncoderSettings& asked, Fourcc source) {
  return asked.depth_is_wish && bit_depth(source) == 8 ? 8 : asked.bit_depth;
}

std::string hdr_warning(const ColorDescription& color, unsigned bit_depth, Codec codec) {
  if (!is_hdr(color) || bit_depth == 10) return {};
  return fmt::format(
      "the source is HDR ({}) and the stream has 8 bits: nothing is tone-mapped, so that gradients "
      "show bands, and players that know no HDR show pale colours; {}",
      describe(color),
      codec == Codec::kH264
          ? "--codec hevc --bit-depth 10 keeps it, SDR in the compositor avoids it"
          : "--bit-depth 10 keeps it, SDR in the compositor avoids it");
}

}  // namespace lumen
