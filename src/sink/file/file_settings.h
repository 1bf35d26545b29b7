// What a recording is: where it goes and which container it has. Portable, so that the sink
// specification parses everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "encode/encoded_frame.h"

namespace lumen {

struct FileSettings {
  std::string path{};    // "-": standard output
  std::string format{};  // "mp4", "mkv", "h264", "hevc"; empty: by the extension ("-": mkv)

  friend bool operator==(const FileSettings&, const FileSettings&) = default;
};

enum class Container : std::uint8_t {
  kMp4,       // fragmented, at least one fragment a second
  kMatroska,  // clusters of at most a second; one per frame into a pipe
  kH264,      // Annex B byte stream, parameter sets in front of every key frame
  kHevc,
};

/// By `format`, else by the extension. kInvalidArgument names the known ones.
Result<Container> container_of(const FileSettings& settings);

/// kInvalidArgument for a raw stream of the other codec.
Result<void> check_codec(Container container, Codec codec);

}  // namespace lumen
