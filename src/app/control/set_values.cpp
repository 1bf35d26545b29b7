// The values of "set", understood as the command line's options are.
#include <utility>

#include "app/control/request.h"
#include "app/options/stream_option_table.h"

namespace lumen::control {
namespace {

/// The option's own parser, so that both ways to set it understand the same.
Result<void> apply(const char* option, std::string_view value, StreamOptions& options) {
  if (auto done = find_stream_option(option)->apply(value, options); !done) {
    return with_context(option, std::move(done.error()));
  }
  return {};
}

}  // namespace

Result<Set> parse_set(std::string_view bitrate, std::string_view codec, std::string_view size) {
  StreamOptions options;
  StreamChange change;
  if (!bitrate.empty()) {
    if (auto done = apply("bitrate", bitrate, options); !done) return tl::unexpected(done.error());
    change.bitrate_bps = options.bitrate_bps;
  }
  if (!codec.empty()) {
    if (auto done = apply("codec", codec, options); !done) return tl::unexpected(done.error());
    change.codec = options.codec.value_or(Codec::kH264);
  }
  if (!size.empty()) {
    if (auto done = apply("size", size, options); !done) return tl::unexpected(done.error());
    change.size = options.size;
  }
  if (!change.bitrate_bps && !change.codec && !change.size) {
    return fail(ErrorKind::kInvalidArgument, "nothing is to be set", "bitrate, codec or size");
  }
  return Set{std::move(change)};
}

}  // namespace lumen::control
