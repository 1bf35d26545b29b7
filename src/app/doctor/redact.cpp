#include "app/doctor/redact.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace lumen::doctor {
namespace {

constexpr std::string_view kGone = "REDACTED";

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

bool ends_value(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0 || c == '&' || c == '"' || c == '\'' ||
         c == ',' || c == ')' || c == ']' || c == '}' || c == '#' || c == '\\';
}

std::size_t value_end(std::string_view text, std::size_t at) {
  while (at < text.size() && !ends_value(text[at])) ++at;
  return at;
}

/// `word` where no letter or digit stands next to it.
void replace_word(std::string& text, std::string_view word, std::string_view with) {
  constexpr std::size_t kShortest = 2;  // a name of one letter is in every text
  if (word.size() < kShortest) return;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
    const bool alone = (at == 0 || !is_word(text[at - 1])) &&
                       (at + word.size() == text.size() || !is_word(text[at + word.size()]));
    if (alone) text.replace(at, word.size(), with);
    at += alone ? with.size() : word.size();
  }
}

void replace_homes(std::string& text, const std::string& home) {
  if (home.size() > 1) {
    for (auto at = text.find(home); at != std::string::npos; at = text.find(home, at)) {
      const std::size_t end = at + home.size();
      const bool whole = end == text.size() || !is_word(text[end]);
      if (whole) text.replace(at, home.size(), "~");
      at += whole ? 1 : home.size();
    }
  }
  constexpr std::string_view kHomes = "/home/";
  for (auto at = text.find(kHomes); at != std::string::npos; at = text.find(kHomes, at)) {
    at += kHomes.size();
    std::size_t end = at;
    while (end < text.size() && (is_word(text[end]) || text[end] == '.')) ++end;
    if (end > at) text.replace(at, end - at, "USER");
  }
}

/// "token=…", "TOKEN: …", "Bearer …".
void replace_values(std::string& text) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "token", "password", "passwd", "secret", "apikey", "api_key", "streamkey", "auth", "bearer"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto name = std::ranges::find_if(kNames, [&](std::string_view one) {
      return std::string_view(lower).substr(at).starts_with(one);
    });
    if (name == kNames.end()) {
      result += text[at++];
      continue;
    }
    std::size_t after = at + name->size();
    while (after < text.size() && (text[after] == '"' || text[after] == ' ')) ++after;
    const bool assigned = after < text.size() && (text[after] == '=' || text[after] == ':');
    if (!assigned && *name != "bearer") {
      result += text[at++];
      continue;
    }
    if (assigned) ++after;
    while (after < text.size() && (text[after] == '"' || text[after] == ' ')) ++after;
    const std::size_t end = value_end(text, after);
    result += text.substr(at, after - at);
    if (end > after) result += kGone;
    at = end;
  }
  text = std::move(result);
}

/// "https://user:secret@host/#fragment"
void replace_url_parts(std::string& text) {
  constexpr std::string_view kScheme = "://";
  for (auto at = text.find(kScheme); at != std::string::npos; at = text.find(kScheme, at)) {
    at += kScheme.size();
    const std::size_t slash = std::min(text.find('/', at), value_end(text, at));
    const auto sign = text.substr(0, slash).find('@', at);
    if (sign != std::string::npos) text.replace(at, sign - at, kGone);
    const std::size_t end = value_end(text, at);
    if (end < text.size() && text[end] == '#') {
      const std::size_t last = value_end(text, end + 1);
      text.replace(end + 1, last - end - 1, kGone);
    }
  }
}

}  // namespace

std::string redact(std::string_view text, const Private& known) {
  std::string result(text);
  replace_values(result);
  replace_url_parts(result);
  replace_homes(result, known.home);
  replace_word(result, known.user, "USER");
  replace_word(result, known.host, "HOST");
  return result;
}

}  // namespace lumen::doctor
