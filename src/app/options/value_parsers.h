// The values that options take, from text. Pure. Failures are kInvalidArgument; the message quotes
// the value, the hint says what is allowed and gives an example. The caller adds the option's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/geometry.h"
#include "core/time.h"

namespace lumen {

/// Bits per second: 20M, 1.5M, 800k, 20000000; 10k to 2G. k, M and G are powers of 1000.
Result<std::uint64_t> parse_bit_rate(std::string_view text);

/// WxH in pixels, both even, 16 to kMaxSide.
Result<Extent> parse_size(std::string_view text);

/// 60, 59.94 or 60000/1001; 1 to 1000. A decimal next to a multiple of 24 or 30 times 1000/1001 (as
/// 23.976, 29.97, 59.94) means that fraction exactly.
Result<FrameRate> parse_frame_rate(std::string_view text);

/// 90, 90s, 1.5s, 2m, 1h30m; more than 0, up to 1000 hours.
Result<Nanoseconds> parse_duration(std::string_view text);

/// A whole number of frames, at least 1.
Result<std::uint64_t> parse_frame_count(std::string_view text);

/// A quantizer: 0 (finest) to 51.
Result<unsigned> parse_quantizer(std::string_view text);

/// How many frames' worth of bits: 1, 1.5; 0.5 to 600.
Result<double> parse_vbv_frames(std::string_view text);

/// A share of the time: 0.05 to 10.
Result<double> parse_share(std::string_view text);

/// 0.001 to 10.
Result<double> parse_bits_per_pixel(std::string_view text);

/// 1 to 64.
Result<unsigned> parse_slices(std::string_view text);

/// 2 to 600.
Result<unsigned> parse_refresh_frames(std::string_view text);

/// 8, 10, or "auto": none.
Result<std::optional<unsigned>> parse_bit_depth(std::string_view text);

/// As parse_duration(), or "infinite": kInfinite.
inline constexpr Nanoseconds kInfinite = Nanoseconds::max();
Result<Nanoseconds> parse_key_interval(std::string_view text);

/// A level as H.264 and HEVC write it ("3", "4.1", "1b"), unchanged.
Result<std::string> parse_level(std::string_view text);

/// A name of lower-case letters, digits, '-' and '_'; whether it exists, the encoder knows.
Result<std::string> parse_preset(std::string_view text);

/// What a host is called: letters, digits, '-' and '_', 32 at most, the first a letter or digit.
Result<std::string> parse_host_name(std::string_view text);

/// Any text but the empty one.
Result<std::string> parse_path(std::string_view text);

}  // namespace lumen
