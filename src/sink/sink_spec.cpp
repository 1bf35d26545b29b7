#include "sink/sink_spec.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace lumen {
namespace {

constexpr std::string_view kRtpExample = "for example rtp:192.168.1.20:5004?pt=96&sdp=stream.sdp";
constexpr std::string_view kWebExample = "for example web or web:127.0.0.1:8080";
constexpr std::string_view kSharedExample =
    "for example web:0.0.0.0:8443?cert=cert.pem&key=key.pem&token-file=token";
constexpr std::string_view kWhipExample =
    "for example whip:https://sfu.example/whip/live?token=TOKEN";
constexpr std::string_view kFileExample = "for example file:demo.mp4 or file:-?format=h264";

using Option = std::pair<std::string_view, std::string_view>;

tl::unexpected<Error> bad(std::string message, std::string_view hint) {
  return fail(ErrorKind::kInvalidArgument, std::move(message), std::string(hint));
}

/// Decimal or 0x hexadecimal, nothing around it, no larger than the type.
template <std::unsigned_integral T>
std::optional<T> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value, base);
  if (code != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// "a=1&b=2" in pieces.
std::vector<std::string_view> split_entries(std::string_view text) {
  std::vector<std::string_view> entries;
  while (!text.empty()) {
    const auto end = text.find('&');
    entries.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return entries;
}

/// An entry without '=' has no value.
std::vector<Option> split_options(std::string_view text) {
  std::vector<Option> options;
  for (const std::string_view entry : split_entries(text)) {
    const auto equals = entry.find('=');
    options.emplace_back(entry.substr(0, equals), equals == std::string_view::npos
                                                      ? std::string_view{}
                                                      : entry.substr(equals + 1));
  }
  return options;
}

Result<SinkSpec> parse_file(std::string_view text) {
  FileSettings settings;
  const auto mark = text.rfind("?format=");
  settings.path = text.substr(0, mark);
  if (mark != std::string_view::npos) {
    settings.format = text.substr(mark + std::string_view("?format=").size());
    if (settings.format.empty()) return bad("format= needs a value", kFileExample);
  }
  if (settings.path.empty()) return bad("the sink file: needs a path", kFileExample);
  if (auto container = container_of(settings); !container) {
    return tl::unexpected(container.error());
  }
  return settings;
}

struct Endpoint {
  std::string_view host;
  std::string_view port;
};

/// "HOST:PORT" or "[HOST]:PORT"
Result<Endpoint> split_endpoint(std::string_view text, std::string_view scheme,
                                std::string_view example) {
  if (text.starts_with('[')) {
    const auto end = text.find("]:");
    if (end == std::string_view::npos) {
      return bad(fmt::format("{}: \"{}\" is not [ADDRESS]:PORT", scheme, text),
                 "an IPv6 address stands in brackets: [::1]:5004");
    }
    return Endpoint{text.substr(1, end - 1), text.substr(end + 2)};
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return bad(fmt::format("{}: \"{}\" is not HOST:PORT", scheme, text), example);
  }
  const Endpoint endpoint{text.substr(0, colon), text.substr(colon + 1)};
  if (endpoint.host.find(':') != std::string_view::npos) {
    return bad(fmt::format("{}: \"{}\" is ambiguous", scheme, text),
               "put an IPv6 address in brackets: [::1]:5004");
  }
  return endpoint;
}

Result<void> parse_endpoint(std::string_view text, RtpSettings& settings) {
  const auto endpoint = split_endpoint(text, "rtp", kRtpExample);
  if (!endpoint) return tl::unexpected(endpoint.error());
  const auto number = parse_number<std::uint16_t>(endpoint->port);
  if (endpoint->host.empty() || !number || *number == 0 || *number == 65535) {
    return bad(fmt::format("rtp: \"{}\" needs a host and a port from 1 to 65534", text),
               kRtpExample);
  }
  settings.host = endpoint->host;
  settings.port = *number;
  return {};
}

Result<void> apply(const Option& option, WebSettings& settings) {
  const auto [key, value] = option;
  const auto path = [&](std::string& to) -> Result<void> {
    if (value.empty()) return bad(fmt::format("web: {}= needs a path", key), kSharedExample);
    to = value;
    return {};
  };
  if (key == "token-file") return path(settings.token_file);
  if (key == "cert") return path(settings.certificate_file);
  if (key == "key") return path(settings.key_file);
  if (key == "token") {
    // Whoever writes the token itself here shows it to every process of this machine.
    if (value != "on") {
      return bad("web: token= takes nothing but on", "name the token's file: token-file=PATH");
    }
    settings.token = true;
    return {};
  }
  return bad(fmt::format("web: unknown option \"{}\"", key),
             fmt::format("known are token, token-file, cert and key; {}", kSharedExample));
}

// For other users' hosts on the same machine.
constexpr std::uint16_t kSparePagePorts = 9;

/// What stands behind "web": ":ADDRESS:PORT", "?options", both or nothing.
Result<SinkSpec> parse_web(std::string_view text) {
  WebSettings settings;
  const auto mark = text.find('?');
  const std::string_view place = text.substr(0, mark);
  if (!place.empty()) {
    const auto endpoint = split_endpoint(place.substr(1), "web", kWebExample);
    if (!endpoint) return tl::unexpected(endpoint.error());
    const auto port = parse_number<std::uint16_t>(endpoint->port);
    if (endpoint->host.empty() || !port) {
      return bad(fmt::format("web: \"{}\" needs an address and a port", place.substr(1)),
                 kWebExample);
    }
    settings.address = endpoint->host;
    settings.port = *port;
  } else {
    settings.spare_ports = kSparePagePorts;
  }
  if (mark != std::string_view::npos) {
    for (const Option& option : split_options(text.substr(mark + 1))) {
      if (auto applied = apply(option, settings); !applied) {
        return tl::unexpected(std::move(applied.error()));
      }
    }
  }
  if (settings.certificate_file.empty() != settings.key_file.empty()) {
    return bad("web: cert and key belong together", kSharedExample);
  }
  return settings;
}

template <std::unsigned_integral T>
Result<T> number_of(const Option& option, T least, T most, std::string_view example) {
  const auto number = parse_number<T>(option.second);
  if (number && *number >= least && *number <= most) return *number;
  return bad(fmt::format("rtp: {}={} is not {} to {}", option.first, option.second, least, most),
             fmt::format("for example {}", example));
}

/// Stores a number in `target`, which may be optional.
template <std::unsigned_integral T, typename Target>
Result<void> store(Result<T> number, Target& target) {
  if (!number) return tl::unexpected(std::move(number.error()));
  target = *number;
  return {};
}

Result<void> store_switch(const Option& option, bool& target) {
  if (option.second != "0" && option.second != "1") {
    return bad(fmt::format("rtp: {}={} is not 0 or 1", option.first, option.second),
               fmt::format("for example {}=1", option.first));
  }
  target = option.second == "1";
  return {};
}

Result<void> apply(const Option& option, RtpSettings& settings) {
  constexpr std::uint32_t kMostSsrc = 0xffffffff;
  constexpr std::uint16_t kMostPort = 65535;
  const auto number = [&]<typename T>(T least, T most, std::string_view example) {
    return number_of<T>(option, least, most, example);
  };
  const auto byte = [&](std::uint8_t least, std::uint8_t most, std::string_view example) {
    return number(least, most, example);
  };
  const auto [key, value] = option;
  if (key == "pt") return store(byte(0, 127, "pt=96; 96 to 127 are free"), settings.payload_type);
  if (key == "ssrc") {
    return store(number(std::uint32_t{0}, kMostSsrc, "ssrc=0x1234abcd"), settings.ssrc);
  }
  if (key == "mtu") return store(number(kMinRtpMtu, kMaxRtpMtu, "mtu=1200"), settings.mtu);
  if (key == "mux") return store_switch(option, settings.rtcp_mux);
  if (key == "rtcp") {
    return store(number(std::uint16_t{1}, kMostPort, "rtcp=5005"), settings.rtcp_port);
  }
  if (key == "rtx-pt") return store(byte(96, 127, "rtx-pt=97"), settings.rtx_payload_type);
  if (key == "rtx-ssrc") {
    return store(number(std::uint32_t{0}, kMostSsrc, "rtx-ssrc=0x1234abce"), settings.rtx_ssrc);
  }
  if (key == "twcc") return store(byte(1, 14, "twcc=3"), settings.extensions.transport_sequence);
  if (key == "abs-capture-time") {
    return store(byte(1, 14, "abs-capture-time=4"), settings.extensions.abs_capture_time);
  }
  if (key == "feedback") return store_switch(option, settings.sdp_feedback);
  if (key == "audio-port") {
    return store(number(std::uint16_t{1}, kMostPort, "audio-port=5006"), settings.audio.port);
  }
  if (key == "audio-ssrc") {
    return store(number(std::uint32_t{0}, kMostSsrc, "audio-ssrc=0x1234abcf"), settings.audio.ssrc);
  }
  if (key == "audio-pt") {
    return store(byte(96, 127, "audio-pt=97"), settings.audio.payload_type);
  }
  if (key == "sdp") {
    if (value.empty()) return bad("rtp: sdp= needs a path", kRtpExample);
    settings.sdp_path = value;
    return {};
  }
  return bad(fmt::format("rtp: unknown option \"{}\"", key),
             fmt::format("known are pt, ssrc, mtu, mux, rtcp, rtx-pt, rtx-ssrc, twcc, "
                         "abs-capture-time, audio-port, audio-pt, audio-ssrc, feedback and sdp; {}",
                         kRtpExample));
}

Result<SinkSpec> parse_rtp(std::string_view text) {
  RtpSettings settings;
  const auto mark = text.find('?');
  if (auto parsed = parse_endpoint(text.substr(0, mark), settings); !parsed) {
    return tl::unexpected(parsed.error());
  }
  if (mark == std::string_view::npos) return settings;
  for (const Option& option : split_options(text.substr(mark + 1))) {
    if (auto applied = apply(option, settings); !applied) return tl::unexpected(applied.error());
  }
  return settings;
}

/// "https://host/path?a=b&token=TOKEN&c=d" without the token, and the token. What libcurl makes of
/// the URL is seen when the sink is made.
Result<SinkSpec> parse_whip(std::string_view text) {
  WhipSettings settings;
  const auto mark = text.find('?');
  settings.url = text.substr(0, mark);
  if (!text.starts_with("http://") && !text.starts_with("https://")) {
    return bad("whip: needs an http: or https: URL", kWhipExample);
  }
  if (mark == std::string_view::npos) return settings;
  char separator = '?';
  for (const std::string_view entry : split_entries(text.substr(mark + 1))) {
    if (entry.starts_with("token=")) {
      settings.token = entry.substr(std::string_view("token=").size());
      const bool sound =
          !settings.token.empty() && std::ranges::all_of(settings.token, [](unsigned char c) {
            return c > 0x20 && c < 0x7f;  // it becomes part of a header line
          });
      if (!sound) return bad("whip: token= needs a token of printable ASCII", kWhipExample);
    } else {
      settings.url += std::exchange(separator, '&');
      settings.url += entry;
    }
  }
  return settings;
}

}  // namespace

Result<SinkSpec> parse_sink_spec(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view rest = text.substr(colon + 1);
    if (scheme == "file") return parse_file(rest);
    if (scheme == "rtp") return parse_rtp(rest);
    if (scheme == "whip") return parse_whip(rest);
  }
  if (text == "web" || text.starts_with("web:") || text.starts_with("web?")) {
    return parse_web(text.substr(3));
  }
  return bad(fmt::format("\"{}\" is no sink", text),
             "use file:PATH, rtp:HOST:PORT, whip:URL or web, for example file:demo.mp4");
}

Result<rtp::MirrorTarget> parse_mirror_target(std::string_view text) {
  constexpr std::string_view kExample = "for example 127.0.0.1:6000";
  const auto target = split_endpoint(text, "mirror", kExample);
  if (!target) return tl::unexpected(target.error());
  const auto port = parse_number<std::uint16_t>(target->port);
  if (target->host.empty() || !port || *port == 0) {
    return bad(fmt::format("\"{}\" needs a host and a port", text), kExample);
  }
  return rtp::MirrorTarget{.host = std::string(target->host), .port = *port};
}

bool mirror(SinkSpec& spec, const rtp::MirrorTarget& target) {
  if (auto* rtp = std::get_if<RtpSettings>(&spec)) {
    rtp->mirror = target;
    return true;
  }
  if (auto* web = std::get_if<WebSettings>(&spec)) {
    web->mirror = target;
    return true;
  }
  if (auto* whip = std::get_if<WhipSettings>(&spec)) {
    whip->mirror = target;
    return true;
  }
  return false;
}

bool is_for_browsers(const SinkSpec& spec) {
  return std::holds_alternative<WebSettings>(spec) || takes_h264_only(spec);
}

bool takes_h264_only(const SinkSpec& spec) { return std::holds_alternative<WhipSettings>(spec); }

}  // namespace lumen
