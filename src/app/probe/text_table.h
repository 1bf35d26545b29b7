// Rows of a report: label, yes or no, and text that is wrapped at 100 columns.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "app/probe/report_text.h"

namespace lumen::probe {

class TextTable {
 public:
  static constexpr std::size_t kColumns = 100;

  explicit TextTable(TextStyle style) : style_(style) {}

  void section(std::string_view title);
  /// Without `good` the mark's column stays empty. Control characters of `text` become spaces.
  void row(std::string_view label, std::optional<bool> good, std::string_view text);
  /// More about the last row, below its text.
  void more(std::string_view text) { row("", std::nullopt, text); }
  /// A paragraph of its own.
  void paragraph(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void wrap(std::string_view text, std::size_t indent, std::size_t column);
  [[nodiscard]] std::string mark(bool good) const;

  TextStyle style_;
  std::string text_;
};

}  // namespace lumen::probe
