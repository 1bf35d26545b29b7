#include "sink/whip/link_header.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace lumen::whip {
namespace {

constexpr std::size_t kMost = 8;
constexpr std::size_t kMostText = 512;

/// Reads from the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void skip_spaces() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t')) text_.remove_prefix(1);
  }
  bool skip(char c) {
    skip_spaces();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// Up to one of `ends`, which stays.
  std::string_view until(std::string_view ends) {
    skip_spaces();
    std::string_view word = text_.substr(0, text_.find_first_of(ends));
    text_.remove_prefix(word.size());
    while (word.ends_with(' ') || word.ends_with('\t')) word.remove_suffix(1);
    return word;
  }
  /// After its opening quote: a quoted-string of RFC 9110 section 5.6.4.
  std::optional<std::string> quoted() {
    std::string value;
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\') text_.remove_prefix(1);
      if (text_.empty()) return std::nullopt;
      value += text_[0];
      text_.remove_prefix(1);
    }
    if (text_.empty()) return std::nullopt;
    text_.remove_prefix(1);
    return value;
  }
  [[nodiscard]] bool done() {
    skip_spaces();
    return text_.empty();
  }

 private:
  std::string_view text_;
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// A URI of RFC 7064 or RFC 7065, as far as it goes.
bool is_ice_uri(std::string_view uri) {
  return (uri.starts_with("stun:") || uri.starts_with("turn:") || uri.starts_with("turns:")) &&
         uri.size() <= kMostText && uri.find(':') + 1 < uri.size() &&
         std::ranges::all_of(uri, [](unsigned char c) {
           return std::isalnum(c) != 0 ||
                  std::string_view("-._:[]?=").find(static_cast<char>(c)) != std::string_view::npos;
         });
}

bool is_short(const std::string& text) {
  return text.size() <= kMostText &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// "; name=value" up to the next link; nullopt: not well-formed.
std::optional<bool> read_parameters(Cursor& cursor, web::IceServer& server) {
  bool is_server = false;
  while (cursor.skip(';')) {
    const std::string name = lower(cursor.until("=;,"));
    std::string value;
    if (cursor.skip('=')) {
      if (cursor.skip('"')) {
        auto text = cursor.quoted();
        if (!text) return std::nullopt;
        value = *std::move(text);
      } else {
        value = cursor.until(";,");
      }
    }
    if (name == "rel") {
      is_server = lower(value) == "ice-server";
    } else if (name == "username") {
      server.username = std::move(value);
    } else if (name == "credential") {
      server.credential = std::move(value);
    }
  }
  return is_server;
}

}  // namespace

std::vector<web::IceServer> ice_servers_in(std::string_view link) {
  std::vector<web::IceServer> servers;
  Cursor cursor(link);
  while (!cursor.done() && servers.size() < kMost) {
    if (!cursor.skip('<')) return servers;
    web::IceServer server{.url = std::string(cursor.until(">"))};
    if (!cursor.skip('>')) return servers;
    const auto is_server = read_parameters(cursor, server);
    if (!is_server) return servers;
    if (*is_server && is_ice_uri(server.url) && is_short(server.username) &&
        is_short(server.credential)) {
      servers.push_back(std::move(server));
    }
    if (!cursor.skip(',')) return servers;
  }
  return servers;
}

}  // namespace lumen::whip
