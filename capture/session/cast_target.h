// What a compositor is asked to show: an output, a window, or an output that it makes for us.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "capture/capture_source.h"
#include "core/error.h"
#include "core/geometry.h"

namespace lumen::session {

/// The first one in the session's own order.
struct FirstOutput {
  friend bool operator==(const FirstOutput&, const FirstOutput&) = default;
};
/// Connector name: "DP-1".
struct NamedOutput {
  std::string name;
  friend bool operator==(const NamedOutput&, const NamedOutput&) = default;
};
/// The window of this title, else the first whose title contains it.
struct TitledWindow {
  std::string title;
  friend bool operator==(const TitledWindow&, const TitledWindow&) = default;
};
/// An output without a screen, which lives as long as the cast.
struct VirtualOutput {
  Extent size;
  std::uint32_t refresh_hz = 0;  // pictures a second at most; 0: as many as the stream takes
  friend bool operator==(const VirtualOutput&, const VirtualOutput&) = default;
};
using CastTarget = std::variant<FirstOutput, NamedOutput, TitledWindow, VirtualOutput>;

/// An output that is there, to be chosen from.
struct OutputInfo {
  std::string name;         // connector
  std::string description;  // maker and model; may be empty
  Extent size;              // pixels; {0, 0}: off
};

/// For who named an output that is none of these, which the hint names: kNotFound where it is
/// waited for, else kInvalidArgument.
tl::unexpected<Error> no_such_output(std::string message, const std::vector<OutputInfo>& outputs,
                                     AbsentSource absent);

}  // namespace lumen::session
