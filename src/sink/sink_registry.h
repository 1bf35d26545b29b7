// The kinds of sinks in this build, and how each is made.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/error.h"
#include "sink/sink.h"
#include "sink/sink_spec.h"

namespace lumen {

struct SinkKind {
  std::string_view scheme;  // "file"
  std::string_view usage;   // "file:PATH[?format=…]"
  std::string_view help;    // one line
  /// The specification must be of this kind.
  Result<std::unique_ptr<Sink>> (*create)(const SinkSpec& spec);
};

/// In the order that help prints them.
std::span<const SinkKind> sink_kinds();

/// Makes the sink, not yet open. kUnsupported for a kind that this build lacks.
Result<std::unique_ptr<Sink>> create_sink(const SinkSpec& spec);
Result<std::unique_ptr<Sink>> create_sink(std::string_view spec);

}  // namespace lumen
