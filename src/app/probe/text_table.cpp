#include "app/probe/text_table.h"

#include <algorithm>

#include <fmt/format.h>

namespace lumen::probe {
namespace {

constexpr std::size_t kLabelColumn = 2;
constexpr std::size_t kMarkColumn = 24;
constexpr std::size_t kTextColumn = 29;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Columns on a terminal, one per UTF-8 character.
std::size_t width(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, is_continuation));
}

/// The first `columns` characters of the text.
std::string_view head(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size(); ++end) {
    if (!is_continuation(text[end]) && count++ == columns) break;
  }
  return text.substr(0, end);
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return line;
}

}  // namespace

void TextTable::section(std::string_view title) {
  if (!text_.empty()) text_ += '\n';
  text_ += style_.colors ? fmt::format("\x1b[1m{}\x1b[0m\n", title) : fmt::format("{}\n", title);
}

std::string TextTable::mark(bool good) const {
  const std::string_view word = style_.symbols ? (good ? "✓" : "✗") : (good ? "yes" : "no");
  const std::string padding(kTextColumn - kMarkColumn - width(word), ' ');
  if (!style_.colors) return std::string(word) + padding;
  return fmt::format("\x1b[{}m{}\x1b[0m{}", good ? 32 : 31, word, padding);
}

void TextTable::row(std::string_view label, std::optional<bool> good, std::string_view text) {
  std::string line = std::string(kLabelColumn, ' ') + one_line(label);
  // A label that is too long has the line for itself.
  if (width(line) >= kMarkColumn) {
    text_ += line + '\n';
    line.clear();
  }
  line.append(kMarkColumn - width(line), ' ');
  text_ += line;
  text_ += good ? mark(*good) : std::string(kTextColumn - kMarkColumn, ' ');
  wrap(one_line(text), kTextColumn, kTextColumn);
}

void TextTable::paragraph(std::string_view text) {
  if (!text_.empty()) text_ += '\n';
  wrap(one_line(text), 0, 0);
}

void TextTable::wrap(std::string_view text, std::size_t indent, std::size_t column) {
  // Leading spaces indent the lines that follow, too.
  const std::size_t deeper = std::min(text.find_first_not_of(' '), text.size());
  text_.append(deeper, ' ');
  indent += deeper;
  column += deeper;
  text.remove_prefix(deeper);
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!word.empty()) {
      if (!first && column + 1 + width(word) > kColumns) {
        text_ += '\n' + std::string(indent, ' ');
        column = indent;
        first = true;
      }
      // What is longer than a line is cut where the line ends.
      const std::string_view part = head(word, kColumns - indent);
      text_ += (first ? "" : " ") + std::string(part);
      column += width(part) + (first ? 0 : 1);
      first = false;
      word.remove_prefix(part.size());
    }
  }
  while (text_.ends_with(' ')) text_.pop_back();
  text_ += '\n';
}

}  // namespace lumen::probe
