// The lines of a session description (RFC 8866), and the values in them. Takes any bytes; the views
// point into the text. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace lumen::web {

struct SdpLine {
  char type = 0;
  std::string_view value;
};

/// A part of a description: the session's lines, or those of a media description from its m= on.
struct SdpSection {
  std::vector<SdpLine> lines;

  /// Values of the attribute: what follows "a=name:"; empty for "a=name".
  [[nodiscard]] std::vector<std::string_view> attributes(std::string_view name) const;
  [[nodiscard]] std::optional<std::string_view> attribute(std::string_view name) const;
  /// The first line of that type.
  [[nodiscard]] std::optional<std::string_view> line(char type) const;
};

struct SdpText {
  SdpSection session;
  std::vector<SdpSection> media;
};

/// kInvalidArgument: what is wrong with it, as in "… has no video".
tl::unexpected<Error> malformed(std::string what);

/// Lines end in CRLF or LF. kInvalidArgument for anything that is not "x=value", for a text that
/// does not begin with v=0, and for control characters.
Result<SdpText> split_sdp(std::string_view text);

/// Words between single spaces.
std::vector<std::string_view> split_words(std::string_view text, char separator = ' ');
/// A decimal number of at most `largest`, nothing around it.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned largest);

}  // namespace lumen::web
