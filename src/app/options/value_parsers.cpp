#include "app/options/value_parsers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>

namespace lumen {
namespace {

tl::unexpected<Error> bad(std::string_view text, std::string_view what, std::string_view allowed) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("'{}' is not {}", text, what),
              std::string(allowed));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits only: no sign, no blank.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (text.empty() || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

// Digits with at most one point and no exponent, in the C locale whatever the user's is.
std::optional<double> decimal(std::string_view text) {
  if (text.empty() ||
      !std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; })) {
    return std::nullopt;
  }
  double value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

FrameRate reduced(std::uint64_t num, std::uint64_t den) {
  const std::uint64_t divisor = std::gcd(num, den);
  return {static_cast<std::uint32_t>(num / divisor), static_cast<std::uint32_t>(den / divisor)};
}

Result<unsigned> whole_between(std::string_view text, unsigned least, unsigned most,
                               std::string_view what, std::string_view allowed) {
  const auto value = whole_number(text);
  if (!value || *value < least || *value > most) return bad(text, what, allowed);
  return static_cast<unsigned>(*value);
}

bool in_frame_rate_range(double fps) { return fps >= 1.0 && fps <= 1000.0; }

std::optional<FrameRate> frame_rate_of(std::string_view text) {
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    const auto num = whole_number(text.substr(0, slash));
    const auto den = whole_number(text.substr(slash + 1));
    constexpr std::uint64_t kLargest = 1'000'000'000;
    if (!num || !den || *den == 0 || *num > kLargest || *den > kLargest) return std::nullopt;
    return reduced(*num, *den);
  }
  const auto value = decimal(text);
  if (!value || !in_frame_rate_range(*value)) return std::nullopt;
  for (const unsigned nominal : {24U, 30U, 48U, 60U, 72U, 90U, 120U, 144U, 240U}) {
    // Half of the last digit in "23.98"; whole numbers are farther away.
    if (std::abs(*value - nominal * 1000.0 / 1001.0) <= 0.005) {
      return FrameRate{nominal * 1000, 1001};
    }
  }
  return reduced(static_cast<std::uint64_t>(std::llround(*value * 1000)), 1000);
}

}  // namespace

Result<std::uint64_t> parse_bit_rate(std::string_view text) {
  constexpr std::string_view kAllowed = "10k to 2G bits per second, such as 20M, 1.5M or 800k";
  constexpr double kLowest = 10e3;
  constexpr double kHighest = 2e9;
  std::string_view digits = text;
  double unit = 1;
  if (!digits.empty() && !is_digit(digits.back())) {
    switch (digits.back()) {
      case 'k':
      case 'K': unit = 1e3; break;
      case 'm':
      case 'M': unit = 1e6; break;
      case 'g':
      case 'G': unit = 1e9; break;
      default: return bad(text, "a bit rate", kAllowed);
    }
    digits.remove_suffix(1);
  }
  const auto number = decimal(digits);
  if (!number) return bad(text, "a bit rate", kAllowed);
  const double bps = *number * unit;
  if (bps < kLowest || bps > kHighest) return bad(text, "within the bit rates allowed", kAllowed);
  return static_cast<std::uint64_t>(std::llround(bps));
}

Result<Extent> parse_size(std::string_view text) {
  const std::string allowed =
      fmt::format("WIDTHxHEIGHT, both even and 16 to {}, such as 1920x1080", kMaxSide);
  const auto cross = text.find('x');
  if (cross == std::string_view::npos) return bad(text, "a size", allowed);
  const auto width = whole_number(text.substr(0, cross));
  const auto height = whole_number(text.substr(cross + 1));
  if (!width || !height) return bad(text, "a size", allowed);
  const auto fits = [](std::uint64_t side) { return side >= 16 && side <= kMaxSide; };
  if (!fits(*width) || !fits(*height)) return bad(text, "a possible size", allowed);
  if (*width % 2 != 0 || *height % 2 != 0) {
    return bad(text, "a possible size: both sides must be even",
               fmt::format("the nearest is {}x{}", *width & ~1ULL, *height & ~1ULL));
  }
  return Extent{static_cast<std::uint32_t>(*width), static_cast<std::uint32_t>(*height)};
}

Result<FrameRate> parse_frame_rate(std::string_view text) {
  constexpr std::string_view kAllowed =
      "1 to 1000 frames per second, such as 60, 59.94 or 60000/1001";
  const auto rate = frame_rate_of(text);
  if (!rate || !in_frame_rate_range(rate->value())) return bad(text, "a frame rate", kAllowed);
  return *rate;
}

Result<Nanoseconds> parse_duration(std::string_view text) {
  constexpr std::string_view kAllowed =
      "more than 0, up to 1000 hours, such as 90, 90s, 2m or 1h30m";
  constexpr double kLongestSeconds = 1000.0 * 3600;
  struct Unit {
    char letter;
    double seconds;
  };
  constexpr std::array<Unit, 3> kUnits{{{'h', 3600}, {'m', 60}, {'s', 1}}};

  double total = 0;
  auto allowed_unit = kUnits.begin();  // each once, in this order
  std::string_view rest = text;
  do {
    const auto letter =
        std::find_if(rest.begin(), rest.end(), [](char c) { return !is_digit(c) && c != '.'; });
    const auto length = static_cast<std::size_t>(letter - rest.begin());
    const auto number = decimal(rest.substr(0, length));
    if (!number) return bad(text, "a duration", kAllowed);
    if (letter == rest.end()) {  // seconds without a unit: only alone, "1h30" is ambiguous
      if (length != text.size()) return bad(text, "a duration", kAllowed);
      total = *number;
      break;
    }
    const auto unit = std::find_if(allowed_unit, kUnits.end(),
                                   [&](const Unit& u) { return u.letter == *letter; });
    if (unit == kUnits.end()) return bad(text, "a duration", kAllowed);
    total += *number * unit->seconds;
    allowed_unit = unit + 1;
    rest.remove_prefix(length + 1);
  } while (!rest.empty());
  if (total < 1e-9 || total > kLongestSeconds) return bad(text, "a possible duration", kAllowed);
  return Nanoseconds{std::llround(total * 1e9)};
}

Result<std::uint64_t> parse_frame_count(std::string_view text) {
  const auto value = whole_number(text);
  if (!value || *value == 0) {
    return bad(text, "a number of frames", "a whole number, 1 or more, such as 600");
  }
  return *value;
}

Result<unsigned> parse_quantizer(std::string_view text) {
  return whole_between(text, 0, 51, "a quantizer", "0 (finest) to 51, such as 24");
}

Result<double> parse_vbv_frames(std::string_view text) {
  const auto frames = decimal(text);
  if (!frames || *frames < 0.5 || *frames > 600) {
    return bad(text, "a number of frames", "0.5 to 600, such as 1.5");
  }
  return *frames;
}

Result<double> parse_share(std::string_view text) {
  const auto share = decimal(text);
  if (!share || *share < 0.05 || *share > 10) {
    return bad(text, "a share of the time", "0.05 to 10, such as 0.9");
  }
  return *share;
}

Result<double> parse_bits_per_pixel(std::string_view text) {
  const auto bits = decimal(text);
  if (!bits || *bits < 0.001 || *bits > 10) {
    return bad(text, "a number of bits for each pixel", "0.001 to 10, such as 0.03");
  }
  return *bits;
}

Result<unsigned> parse_slices(std::string_view text) {
  return whole_between(text, 1, 64, "a number of slices", "1 to 64, such as 4");
}

Result<unsigned> parse_refresh_frames(std::string_view text) {
  return whole_between(text, 2, 600, "a number of frames", "2 to 600, such as 30");
}

Result<std::optional<unsigned>> parse_bit_depth(std::string_view text) {
  if (text == "auto") return std::optional<unsigned>();
  if (text == "8") return std::optional(8U);
  if (text == "10") return std::optional(10U);
  return bad(text, "a bit depth", "auto, 8 or 10");
}

Result<Nanoseconds> parse_key_interval(std::string_view text) {
  if (text == "infinite") return kInfinite;
  auto interval = parse_duration(text);
  if (!interval) interval.error().hint += ", or infinite";
  return interval;
}

Result<std::string> parse_level(std::string_view text) {
  // H.264 table A-1 goes from 1 (with 1b) to 6.2, HEVC's table A.8 from 1 to 6.2.
  const bool one_digit = text.size() == 1 && text[0] >= '1' && text[0] <= '6';
  const bool with_part = text.size() == 3 && text[0] >= '1' && text[0] <= '6' && text[1] == '.' &&
                         text[2] >= '0' && text[2] <= '3';
  if (!one_digit && !with_part && text != "1b") {
    return bad(text, "a level", "1 to 6.2, such as 3.1, 4 or 5.1");
  }
  return std::string(text);
}

Result<std::string> parse_preset(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), allowed)) {
    return bad(text, "a preset",
               "a name that the encoder knows, such as ultrafast, veryfast or p4");
  }
  return std::string(text);
}

Result<std::string> parse_host_name(std::string_view text) {
  constexpr std::size_t kLongest = 32;
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
  };
  const bool good = !text.empty() && text.size() <= kLongest && is_letter_or_digit(text.front()) &&
                    std::ranges::all_of(text, [&](char c) {
                      return is_letter_or_digit(c) || c == '-' || c == '_';
                    });
  if (good) return std::string(text);
  return bad(text, "a host's name", "letters, digits, '-' and '_', 32 at most, such as couch");
}

Result<std::string> parse_path(std::string_view text) {
  if (text.empty()) return bad(text, "a file name", "a path, such as out/stream.sdp");
  return std::string(text);
}

}  // namespace lumen
