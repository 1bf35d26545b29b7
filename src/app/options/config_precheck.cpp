#include "app/options/config_precheck.h"

#include <cstddef>

#include <fmt/format.h>

namespace lumen {
namespace {

// The end of the text in quotes that begins at `at`: the position after the closing quote, or the
// line's end where there is none (the parser says so).
std::size_t after_quoted(std::string_view line, std::size_t at) {
  const char quote = line[at];
  for (++at; at < line.size() && line[at] != quote; ++at) {
    if (quote == '"' && line[at] == '\\') ++at;  // only basic strings have escapes
  }
  return at < line.size() ? at + 1 : line.size();
}

bool is_multi_line(std::string_view rest) {
  return rest.starts_with("\"\"\"") || rest.starts_with("'''");
}

/// "[setup.NAME]", and a comment maybe.
bool begins_setup(std::string_view line) {
  constexpr std::string_view kBegin = "[setup.";
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  if (!line.starts_with(kBegin)) return false;
  line.remove_prefix(kBegin.size());
  std::size_t length = 0;
  while (length < line.size() && is_name(line[length])) ++length;
  if (length == 0 || length == line.size() || line[length] != ']') return false;
  const auto rest = line.find_first_not_of(" \t\r", length + 1);
  return rest == std::string_view::npos || line[rest] == '#';
}

std::string_view complaint(std::string_view line) {
  const auto first = line.find_first_not_of(" \t\r");
  if (first != std::string_view::npos && line[first] == '[') {
    if (begins_setup(line.substr(first))) return {};
    return "a line that begins with '[' has to begin a setup, such as [setup.couch]";
  }
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == '#') return {};
    if (is_multi_line(line.substr(at))) return "text over several lines has no use here";
    if (line[at] == '"' || line[at] == '\'') {
      at = after_quoted(line, at);
    } else if (static_cast<unsigned char>(line[at]) >= 0x80) {
      return "a letter that isn't ASCII stands outside of quotes";
    } else {
      ++at;
    }
  }
  return {};
}

}  // namespace

Result<void> precheck_config(std::string_view text, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    if (const auto why = complaint(text.substr(0, end)); !why.empty()) {
      return fail(ErrorKind::kInvalidArgument, fmt::format("{}:{}: {}", name, number, why),
                  "a setting looks like bitrate = \"20M\"");
    }
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return {};
}

}  // namespace lumen
