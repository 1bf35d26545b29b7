// Where a session's mouse pointer is shown.
#pragma once

#include <cstdint>
#include <string_view>

namespace lumen::session {

/// All three ways to ask for a cast know these, but for kAuto.
enum class CursorMode : std::uint8_t {
  kAuto,      // kEmbedded where the compositor can, else kMetadata
  kHidden,    // nowhere
  kEmbedded,  // in the picture, where the producer draws it
  kMetadata,  // beside the picture, for the receiver to draw
};

}  // namespace lumen::session
