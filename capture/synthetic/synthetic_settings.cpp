#include "capture/synthetic/synthetic_settings.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace lumen {
namespace {

constexpr std::uint32_t kMaxFramesPerSecond = 1000;
constexpr std::string_view kForm = "write WIDTHxHEIGHT@FPS, for example 1280x720@30 or @30000/1001";

/// Digits only; nothing on signs, spaces, other text and overflow.
std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Extent> parse_size(std::string_view text) {
  const std::size_t cross = std::min(text.find('x'), text.size());
  const auto width = parse_number(text.substr(0, cross));
  const auto height = parse_number(text.substr(std::min(cross + 1, text.size())));
  if (!width || !height) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("\"{}\" is not a picture size", text),
                std::string(kForm));
  }
  if (*width == 0 || *height == 0 || *width > kMaxSide || *height > kMaxSide) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("impossible picture size {}", text),
                fmt::format("each side must be 1 to {} pixels", kMaxSide));
  }
  return Extent{*width, *height};
}

Result<FrameRate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto num = parse_number(text.substr(0, slash));
  const auto den = slash == std::string_view::npos ? std::optional<std::uint32_t>(1)
                                                   : parse_number(text.substr(slash + 1));
  if (!num || !den) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("\"{}\" is not a frame rate", text),
                std::string(kForm));
  }
  if (*num == 0 || *den == 0 || *num > std::uint64_t{kMaxFramesPerSecond} * *den) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("impossible frame rate {}", text),
                fmt::format("it must be above 0 and at most {}", kMaxFramesPerSecond));
  }
  return FrameRate{*num, *den};
}

}  // namespace

Result<SyntheticSettings> parse_synthetic_spec(std::string_view spec) {
  SyntheticSettings settings;
  const std::size_t at = spec.find('@');
  if (const std::string_view size_text = spec.substr(0, at); !size_text.empty()) {
    const Result<Extent> size = parse_size(size_text);
    if (!size) return tl::unexpected<Error>(size.error());
    settings.size = *size;
  }
  if (at != std::string_view::npos) {
    const Result<FrameRate> rate = parse_rate(spec.substr(at + 1));
    if (!rate) return tl::unexpected<Error>(rate.error());
    settings.rate = *rate;
  }
  return settings;
}

}  // namespace lumen
