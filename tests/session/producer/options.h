// The producer's command line.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/time.h"
#include "node_settings.h"
#include "personality.h"

namespace lumen::producer {

struct Options {
  NodeSettings node;
  Personality personality;
  std::uint64_t frames = 0;                             // good frames to send; 0: endless
  std::uint64_t tell_every = 0;                         // good frames; 0: their times aren't told
  Nanoseconds linger = std::chrono::milliseconds(500);  // the node's life after the last frame
};

/// Errors: kInvalidArgument with a line for the user; kCancelled when the help text was asked for,
/// which is then the message.
Result<Options> parse_options(int argc, const char* const* argv);

}  // namespace lumen::producer
