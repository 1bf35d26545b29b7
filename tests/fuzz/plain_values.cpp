// In place of the options' table, which the whole program hangs on: the same parsers, by name.
#include "app/control/request.h"
#include "app/options/value_parsers.h"

namespace lumen::control {

Result<Set> parse_set(std::string_view bitrate, std::string_view codec, std::string_view size) {
  StreamChange change;
  if (!bitrate.empty()) {
    auto rate = parse_bit_rate(bitrate);
    if (!rate) return tl::unexpected(std::move(rate.error()));
    change.bitrate_bps = *rate;
  }
  if (codec == "hevc") change.codec = Codec::kHevc;
  if (!size.empty()) {
    auto extent = parse_size(size);
    if (!extent) return tl::unexpected(std::move(extent.error()));
    change.size = *extent;
  }
  return Set{std::move(change)};
}

}  // namespace lumen::control
