#include "sink/web/sdp_lines.h"

#include <algorithm>
#include <charconv>

namespace lumen::web {
namespace {

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

}  // namespace

tl::unexpected<Error> malformed(std::string what) {
  return fail(ErrorKind::kInvalidArgument, "the session description " + std::move(what),
              "send it as WebRTC made it, unchanged");
}

std::vector<std::string_view> SdpSection::attributes(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const SdpLine& line : lines) {
    if (line.type != 'a' || !line.value.starts_with(name)) continue;
    const std::string_view rest = line.value.substr(name.size());
    if (rest.empty()) values.push_back(rest);
    if (rest.starts_with(':')) values.push_back(rest.substr(1));
  }
  return values;
}

std::optional<std::string_view> SdpSection::attribute(std::string_view name) const {
  const auto values = attributes(name);
  if (values.empty()) return std::nullopt;
  return values.front();
}

std::optional<std::string_view> SdpSection::line(char type) const {
  for (const SdpLine& line : lines) {
    if (line.type == type) return line.value;
  }
  return std::nullopt;
}

Result<SdpText> split_sdp(std::string_view text) {
  SdpText sdp;
  SdpSection* section = &sdp.session;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.size() < 2 || line[0] < 'a' || line[0] > 'z' || line[1] != '=') {
      return malformed("has a line that is not x=value");
    }
    if (!is_printable(line)) return malformed("has control characters");
    if (line[0] == 'm') section = &sdp.media.emplace_back();
    section->lines.push_back({line[0], line.substr(2)});
  }
  if (sdp.session.lines.empty() || sdp.session.lines.front().type != 'v' ||
      sdp.session.lines.front().value != "0") {
    return malformed("does not begin with v=0");
  }
  return sdp;
}

std::vector<std::string_view> split_words(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (end != 0) words.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return words;
}

std::optional<unsigned> parse_decimal(std::string_view text, unsigned largest) {
  unsigned value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || stop != end || value > largest) return std::nullopt;
  return value;
}

}  // namespace lumen::web
