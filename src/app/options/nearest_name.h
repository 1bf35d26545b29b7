// "did you mean …?": the known name that a mistyped one most likely stands for.
#pragma once

#include <span>
#include <string_view>

namespace lumen {

/// The name with the fewest insertions, deletions, replacements and swaps from `text`; empty if
/// none is near (at most a third of its letters differ, at least one may).
std::string_view nearest_name(std::string_view text, std::span<const std::string_view> names);

}  // namespace lumen
