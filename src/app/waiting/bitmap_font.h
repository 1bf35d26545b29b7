// A font of 5 by 7 pixels, capitals only: readable at any scale, and small enough to be built in.
// Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lumen {

inline constexpr unsigned kGlyphWidth = 5;
inline constexpr unsigned kGlyphHeight = 7;
inline constexpr unsigned kGlyphAdvance = kGlyphWidth + 1;  // to the next character
inline constexpr unsigned kLineAdvance = kGlyphHeight + 4;  // to the next line

/// A row per byte, from the top; the highest of its five bits is the left pixel.
using Glyph = std::array<std::uint8_t, kGlyphHeight>;

/// Small letters have the capitals' glyphs; what the font lacks is a box.
const Glyph& glyph_of(char character);

/// Broken at spaces into lines of at most so many characters; longer words are cut.
std::vector<std::string> wrap_text(std::string_view text, std::size_t columns);

/// UTF-8 with one byte for each character, so that lengths are widths; control characters become
/// spaces.
std::string one_per_character(std::string_view utf8);

}  // namespace lumen
