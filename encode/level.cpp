#include "encode/level.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace lumen {
namespace {

// In tenths. Both standards have the same but for H.264's 1.1 to 1.3, 2.2 and 3.2 and 4.2.
constexpr std::array kH264Levels{10U, 11U, 12U, 13U, 20U, 21U, 22U, 30U, 31U, 32U,
                                 40U, 41U, 42U, 50U, 51U, 52U, 60U, 61U, 62U};
constexpr std::array kHevcLevels{10U, 20U, 21U, 30U, 31U, 40U, 41U, 50U, 51U, 52U, 60U, 61U, 62U};

/// "4.1" and "4" as tenths; 0: not a level.
unsigned tenths(std::string_view level) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? unsigned(c - '0') : 100U; };
  if (level.size() == 1) return digit(level[0]) * 10;
  if (level.size() == 3 && level[1] == '.') return digit(level[0]) * 10 + digit(level[2]);
  return 0;
}

}  // namespace

Result<unsigned> level_idc(Codec codec, std::string_view level) {
  const unsigned wanted = tenths(level);
  const bool known =
      codec == Codec::kH264   ? std::ranges::find(kH264Levels, wanted) != kH264Levels.end()
      : codec == Codec::kHevc ? std::ranges::find(kHevcLevels, wanted) != kHevcLevels.end()
                              : false;
  if (!known) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} has no level {}", to_string(codec), level), "such as 4.1");
  }
  return codec == Codec::kHevc ? wanted * 3 : wanted;
}

}  // namespace lumen
