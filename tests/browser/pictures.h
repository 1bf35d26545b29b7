// The synthetic source's pictures as a page shows them, told apart by their barcode. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/geometry.h"

namespace lumen::browser {

/// The number in a picture of that size, of which at least the uppermost eighth's luma is given, in
/// base64.
std::optional<std::uint32_t> number_in(const std::string& luma, Extent size);

/// When the source made each picture, by its number, in milliseconds since 1970: from the file of
/// --trace, written on this machine. kIo: it can't be read.
Result<std::map<std::uint32_t, double>> production_times(const std::filesystem::path& trace);

}  // namespace lumen::browser
