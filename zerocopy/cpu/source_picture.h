// The front door for captured memory: nothing is read that these functions have not checked.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/cpu/picture.h"

namespace lumen::cpu {

/// Bytes that each plane's offset counts in.
using PlaneMemory = std::array<std::span<const std::byte>, 4>;

/// The visible part of a frame, as a picture in `memory`, after checking that every row of the
/// whole frame lies inside and that no row overlaps the next. Error: kInvalidArgument.
Result<Picture> locate_picture(const CapturedFrame& captured, const Rect& visible,
                               std::span<const PlaneLayout> layouts, const PlaneMemory& memory);

}  // namespace lumen::cpu
