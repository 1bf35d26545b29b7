// Small files that are nobody else's business: secrets and findings that outlive a run. Any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"

namespace lumen {

/// $XDG_STATE_HOME/lumen, by default ~/.local/state/lumen (XDG Base Directory Specification 0.8),
/// made with mode 0700 where it is missing. kNotFound: neither variable is set. kIo: it can't be
/// made.
Result<std::filesystem::path> state_folder();

/// The same for what may be lost: $XDG_CACHE_HOME/lumen, by default ~/.cache/lumen.
Result<std::filesystem::path> cache_folder();

/// The text of a regular file that group and others may not read. kNotFound: there is none.
/// kInvalidArgument: others may read it, or it is larger than `most`.
Result<std::string> read_secret(const std::filesystem::path& path, std::size_t most);

/// The text of a regular file. kNotFound, kInvalidArgument as above.
Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t most);

/// Puts a file of mode 0600 in the place of what was there, whole or not at all.
Result<void> write_secret(const std::filesystem::path& path, std::string_view text);

}  // namespace lumen
