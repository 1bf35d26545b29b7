// The synthetic source's pictures as a page shows them, told apart by their barcode. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/geometry.h"

namespace lumen::browser {

/// The number in a picture of that size, of which at least the uppermost eighth's luma is given, in
/// base64.
std::optional<std::uint32_t> number_in(const std::string& luma, Extent size);

/// When the source made each picture, by its number, in milliseconds of this machine's monotonic
/// clock: from the file of --trace. kIo: it can't be read.
Result<std::map<std::uint32_t, double>> production_times(const std::filesystem::path& trace);

/// Milliseconds of this machine's monotonic clock.
double monotonic_ms();

/// How far a clock that tells milliseconds is ahead of the monotonic one, by the quickest of some
/// looks at it.
double ahead_of_monotonic(const std::function<double()>& clock);

}  // namespace lumen::browser
