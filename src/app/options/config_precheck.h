// Refuses what a file of settings never holds, line by line, before the TOML parser sees it: tables
// other than [setup.NAME], multi-line text, and characters outside of ASCII elsewhere than in
// quotes and comments.
//
// toml++ 3.3 and 3.4 meet some of these, where they are misplaced, with a broken assertion or with
// __builtin_unreachable(); here they are one clear message.
#pragma once

#include <string_view>

#include "core/error.h"

namespace lumen {

/// `name` stands in messages, as "NAME:LINE: …". Fails with kInvalidArgument.
Result<void> precheck_config(std::string_view text, std::string_view name);

}  // namespace lumen
