#include "sink/web/offer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "sink/rtp/encoding_name.h"
#include "sink/rtp/header_extensions.h"
#include "sink/web/sdp_lines.h"

namespace lumen::web {
namespace {

constexpr std::size_t kMaxMedia = 16;
constexpr std::string_view kProtocol = "UDP/TLS/RTP/SAVPF";
constexpr unsigned kOfferedType = 96;
constexpr unsigned kOfferedOpusType = 111;  // browsers' own number for it
constexpr std::string_view kH264Parameters =
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=";
constexpr std::size_t kMaxCandidates = 32;
constexpr std::size_t kMaxWord = 64;  // of mids, protocols and formats

tl::unexpected<Error> unsupported(std::string what, std::string hint) {
  return fail(ErrorKind::kUnsupported, "the session description " + std::move(what),
              std::move(hint));
}

bool all_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [more](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           more.find(c) != std::string_view::npos;
  });
}

/// ice-char of RFC 8839 section 5.4.
bool is_ice_word(std::string_view text, std::size_t least) {
  return text.size() >= least && text.size() <= 256 && all_of(text, "+/");
}

/// A token of RFC 8866, as far as browsers use them.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxWord && all_of(text, "-_./{}");
}

/// "sha-256 AB:CD:…": the only hash that every WebRTC endpoint must know (RFC 8827 section 6.5).
bool is_sha256(std::string_view fingerprint) {
  constexpr std::string_view kHash = "sha-256 ";
  constexpr std::size_t kDigestText = 32 * 3 - 1;
  if (!fingerprint.starts_with(kHash)) return false;
  const std::string_view digest = fingerprint.substr(kHash.size());
  if (digest.size() != kDigestText) return false;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const bool good =
        i % 3 == 2 ? digest[i] == ':' : std::isxdigit(static_cast<unsigned char>(digest[i])) != 0;
    if (!good) return false;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return result;
}

/// "a=b;c=d" in pairs with lower-case names.
std::map<std::string, std::string, std::less<>> parameters(std::string_view text) {
  std::map<std::string, std::string, std::less<>> result;
  for (std::string_view entry : split_words(text, ';')) {
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    result.emplace(lower(entry.substr(0, equals)), entry.substr(equals + 1));
  }
  return result;
}

/// What stands behind "PT " in the rtpmap, fmtp or rtcp-fb lines of that payload type.
std::vector<std::string_view> about(const SdpSection& media, std::string_view attribute,
                                    unsigned payload_type) {
  std::vector<std::string_view> values;
  for (const std::string_view value : media.attributes(attribute)) {
    const auto space = value.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string_view type = value.substr(0, space);
    if (type == "*" || parse_decimal(type, 127) == payload_type) {
      values.push_back(value.substr(space + 1));
    }
  }
  return values;
}

std::vector<unsigned> payload_types(const SdpSection& media) {
  std::vector<unsigned> types;
  const auto words = split_words(media.line('m').value_or(""));
  for (std::size_t i = 3; i < words.size(); ++i) {
    if (const auto type = parse_decimal(words[i], 127)) types.push_back(*type);
  }
  return types;
}

using Parameters = std::map<std::string, std::string, std::less<>>;

Parameters parameters_of(const SdpSection& media, unsigned type) {
  const auto formats = about(media, "fmtp", type);
  return parameters(formats.empty() ? "" : formats.front());
}

bool is_format(const SdpSection& media, unsigned type, std::string_view name) {
  const auto maps = about(media, "rtpmap", type);
  return !maps.empty() && lower(maps.front()) == name;
}

std::string profile_of(const Parameters& format) {
  // Without the parameter it is baseline, level 1 (RFC 6184 section 8.1).
  const auto found = format.find("profile-level-id");
  return found == format.end() ? "42000a" : lower(found->second);
}

/// Constrained baseline is what every WebRTC browser must decode (RFC 7742 section 6.2).
bool is_constrained_baseline(std::string_view profile) {
  return profile.starts_with("42e0") || profile.starts_with("42c0");
}

/// profile_idc of streams that few receivers decode, which therefore must be offered; else empty.
std::string_view special_h264_profile(const StreamKind& stream) {
  if (stream.chroma == Chroma::k444) return "f4";  // High 4:4:4 Predictive
  return stream.bit_depth > 8 ? "6e" : "";         // High 10
}

/// What receivers decode beyond what they promise: constrained baseline stands for all of 4:2:0
/// with eight bits.
std::optional<VideoFormat> choose_h264(const SdpSection& media, const StreamKind& stream) {
  const std::string_view special = special_h264_profile(stream);
  std::optional<VideoFormat> chosen;
  for (const unsigned type : payload_types(media)) {
    if (!is_format(media, type, "h264/90000")) continue;
    const Parameters format = parameters_of(media, type);
    const auto mode = format.find("packetization-mode");
    if (mode == format.end() || mode->second != "1") continue;
    const std::string profile = profile_of(format);
    if (profile.size() != 6 ||
        !std::ranges::all_of(profile, [](unsigned char c) { return std::isxdigit(c) != 0; })) {
      continue;
    }
    if (!profile.starts_with(special)) continue;
    if (chosen && !is_constrained_baseline(profile)) continue;
    chosen = VideoFormat{.codec = Codec::kH264,
                         .payload_type = type,
                         .parameters = std::string(kH264Parameters) + profile};
    if (!special.empty() || is_constrained_baseline(profile)) break;
  }
  return chosen;
}

/// The first whose profile, as `profile_key` says, is `profile`; without the parameter it is.
std::optional<VideoFormat> choose_profile(const SdpSection& media, Codec codec,
                                          std::string_view profile_key, std::string_view profile,
                                          std::initializer_list<std::string_view> echoed) {
  const std::string name = lower(rtp::encoding_name(codec)) + "/90000";
  for (const unsigned type : payload_types(media)) {
    if (!is_format(media, type, name)) continue;
    const Parameters format = parameters_of(media, type);
    const auto found = format.find(profile_key);
    if (found != format.end() && found->second != profile) continue;
    VideoFormat chosen{.codec = codec, .payload_type = type};
    for (const std::string_view key : echoed) {
      const auto value = format.find(key);
      if (value == format.end() || !is_token(value->second)) continue;
      chosen.parameters +=
          (chosen.parameters.empty() ? "" : ";") + std::string(key) + "=" + value->second;
    }
    return chosen;
  }
  return std::nullopt;
}

std::optional<VideoFormat> choose_codec(const SdpSection& media, const StreamKind& stream) {
  const bool plain = stream.chroma == Chroma::k420 && stream.bit_depth == 8;
  switch (stream.codec) {
    // RFC 7798 section 7.1, H.265 A.3: Main, Main 10, format range extensions.
    case Codec::kHevc:
      return choose_profile(media, stream.codec, "profile-id",
                            plain                           ? "1"
                            : stream.chroma == Chroma::k420 ? "2"
                                                            : "4",
                            {"level-id", "profile-id", "tier-flag", "tx-mode"});
    // Section 7.1 of the AV1 payload format; Main has eight and ten bits, High has 4:4:4.
    case Codec::kAv1:
      return choose_profile(media, stream.codec, "profile",
                            stream.chroma == Chroma::k420 ? "0" : "1",
                            {"level-idx", "profile", "tier"});
    case Codec::kH264: break;
  }
  return choose_h264(media, stream);
}

std::optional<VideoFormat> choose_format(const SdpSection& media, const StreamKind& stream) {
  auto chosen = choose_codec(media, stream);
  if (!chosen) return std::nullopt;
  const auto feedback = about(media, "rtcp-fb", chosen->payload_type);
  const bool nack = std::ranges::count(feedback, "nack") > 0;
  chosen->transport_cc = std::ranges::count(feedback, "transport-cc") > 0;
  chosen->remb = std::ranges::count(feedback, "goog-remb") > 0;
  chosen->reference_time = std::ranges::count(feedback, "rrtr") > 0;
  for (const unsigned type : payload_types(media)) {
    if (!nack || !is_format(media, type, "rtx/90000")) continue;
    const Parameters format = parameters_of(media, type);
    const auto apt = format.find("apt");
    if (apt != format.end() && parse_decimal(apt->second, 127) == chosen->payload_type) {
      chosen->rtx_payload_type = type;
      break;
    }
  }
  return chosen;
}

ExtensionIds extensions_of(const SdpSection& media) {
  ExtensionIds ids;
  for (const std::string_view value : media.attributes("extmap")) {
    const auto words = split_words(value);
    if (words.size() < 2) continue;
    // One-byte headers number from 1 to 14 (RFC 8285 section 4.2).
    const auto id = parse_decimal(words[0].substr(0, words[0].find('/')), 14);
    if (!id || *id == 0) continue;
    if (words[1] == kPlayoutDelayUri) ids.playout_delay = *id;
    if (words[1] == kTransportCcUri) ids.transport_cc = *id;
    if (words[1] == rtp::kAbsCaptureTimeUri) ids.abs_capture_time = *id;
  }
  return ids;
}

std::string_view either(const SdpSection& media, const SdpSection& session,
                        std::string_view attribute) {
  if (const auto own = media.attribute(attribute)) return *own;
  return session.attribute(attribute).value_or("");
}

Result<Transport> transport_of(const SdpSection& media, const SdpSection& session) {
  Transport transport;
  transport.ufrag = either(media, session, "ice-ufrag");
  transport.password = either(media, session, "ice-pwd");
  if (!is_ice_word(transport.ufrag, 4) || !is_ice_word(transport.password, 22)) {
    return malformed("has no sound ICE credentials");
  }
  for (const SdpSection* section : {&media, &session}) {
    for (const std::string_view value : section->attributes("fingerprint")) {
      if (transport.fingerprint.empty() && is_sha256(value)) transport.fingerprint = value;
    }
  }
  if (transport.fingerprint.empty()) return malformed("has no SHA-256 fingerprint");
  transport.setup = either(media, session, "setup");
  if (transport.setup != "actpass" && transport.setup != "active" && transport.setup != "passive") {
    return malformed("has no a=setup");
  }
  return transport;
}

Result<OfferedMedia> media_of(const SdpSection& section) {
  const auto words = split_words(section.line('m').value_or(""));
  if (words.size() < 4 || !is_token(words[0]) || !is_token(words[2]) || !is_token(words[3]) ||
      !parse_decimal(words[1], 65535)) {
    return malformed("has an m= line that makes no sense");
  }
  const auto mid = section.attribute("mid");
  if (!mid || !is_token(*mid)) return malformed("has a media description without a=mid");
  return OfferedMedia{.kind = std::string(words[0]),
                      .protocol = std::string(words[2]),
                      .format = std::string(words[3]),
                      .mid = std::string(*mid)};
}

/// "foundation component udp priority address port typ type …" (RFC 8839 section 5.1), of the
/// component that carries RTP and RTCP alike, with a numeric address.
bool is_udp_candidate(std::string_view text) {
  const auto words = split_words(text);
  if (words.size() < 8 || text.size() > 256) return false;
  const std::string address(words[4]);
  in6_addr parsed{};
  return all_of(words[0], "+/") && words[1] == "1" && lower(words[2]) == "udp" &&
         parse_decimal(words[3], 0xffffffffU) && parse_decimal(words[5], 65535) &&
         (inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
          inet_pton(AF_INET6, address.c_str(), &parsed) == 1) &&
         words[6] == "typ" && is_token(words[7]);
}

/// Port 0 in an answer (RFC 3264 section 6); in an offer with bundle-only it means nothing.
bool is_rejected(const SdpSection& media) {
  const auto words = split_words(media.line('m').value_or(""));
  return words.size() > 1 && words[1] == "0" && !media.attribute("bundle-only");
}

bool receives(const SdpSection& media) {
  return !media.attribute("sendonly") && !media.attribute("inactive");
}

bool bundled(const SdpSection& session, std::string_view one, std::string_view other) {
  return std::ranges::any_of(session.attributes("group"), [&](std::string_view group) {
    const auto words = split_words(group);
    return !words.empty() && words.front() == "BUNDLE" && std::ranges::count(words, one) > 0 &&
           std::ranges::count(words, other) > 0;
  });
}

/// The first sound to receive that is Opus and takes the video's way.
std::optional<OfferedAudio> audio_of(const SdpText& sdp, const Offer& offer) {
  for (std::size_t i = 0; i < sdp.media.size(); ++i) {
    const OfferedMedia& media = offer.media[i];
    if (media.kind != "audio" || media.protocol != kProtocol || !receives(sdp.media[i]) ||
        is_rejected(sdp.media[i]) || !sdp.media[i].attribute("rtcp-mux") ||
        !bundled(sdp.session, media.mid, offer.media[offer.video].mid)) {
      continue;
    }
    for (const unsigned type : payload_types(sdp.media[i])) {
      if (is_format(sdp.media[i], type, "opus/48000/2")) return OfferedAudio{i, type};
    }
  }
  return std::nullopt;
}

/// Who wants to receive a stream of ours: an offer or an answer.
Result<Offer> parse_receiver(std::string_view text, const StreamKind& stream) {
  if (text.size() > kMaxOfferBytes) return malformed("is too large");
  const auto sdp = split_sdp(text);
  if (!sdp) return tl::unexpected(sdp.error());
  if (sdp->media.empty()) return malformed("has no media");
  if (sdp->media.size() > kMaxMedia) return malformed("has too many media descriptions");

  Offer offer;
  std::optional<std::size_t> video;
  for (const SdpSection& section : sdp->media) {
    auto media = media_of(section);
    if (!media) return tl::unexpected(std::move(media.error()));
    if (!video && media->kind == "video" && media->protocol == kProtocol && receives(section) &&
        !is_rejected(section)) {
      video = offer.media.size();
    }
    offer.media.push_back(std::move(*media));
  }
  if (!video) {
    return unsupported("asks for no video", "add a video transceiver with direction recvonly");
  }
  offer.video = *video;
  const SdpSection& section = sdp->media[*video];
  if (!section.attribute("rtcp-mux")) return malformed("has no a=rtcp-mux");
  auto transport = transport_of(section, sdp->session);
  if (!transport) return tl::unexpected(std::move(transport.error()));
  offer.transport = std::move(*transport);
  auto format = choose_format(section, stream);
  if (!format) {
    return unsupported(
        fmt::format("has no {} that lumen could send", to_string(stream)),
        stream.codec == Codec::kH264 && stream != StreamKind{}
            ? "a browser that decodes it is needed; all decode 4:2:0 with eight bits"
            : "a browser or server that decodes it is needed; all know H.264, but for some builds");
  }
  offer.format = std::move(*format);
  offer.extensions = extensions_of(section);
  if (!offer.format.transport_cc || offer.extensions.transport_cc == 0) {
    offer.format.transport_cc = false;
    offer.extensions.transport_cc = 0;
  }
  offer.audio = audio_of(*sdp, offer);
  return offer;
}

bool same_or_none(unsigned answered, unsigned offered) {
  return answered == 0 || answered == offered;
}

/// Each format and header extension of the answer has the number that it was offered with, each
/// medium its place (RFC 3264 section 6).
bool keeps_numbers(const Offer& answer, const Offer& ours) {
  const auto& [delay, transport_cc, capture_time] = answer.extensions;
  const auto rtx = answer.format.rtx_payload_type;
  const bool video = answer.video == ours.video &&
                     answer.format.payload_type == ours.format.payload_type &&
                     (!rtx || rtx == ours.format.rtx_payload_type);
  const bool audio = !answer.audio || (ours.audio && answer.audio->index == ours.audio->index &&
                                       answer.audio->payload_type == ours.audio->payload_type);
  return video && audio && same_or_none(delay, ours.extensions.playout_delay) &&
         same_or_none(transport_cc, ours.extensions.transport_cc) &&
         same_or_none(capture_time, ours.extensions.abs_capture_time);
}

}  // namespace

std::string to_string(const StreamKind& stream) {
  std::string text(rtp::encoding_name(stream.codec));
  if (stream.chroma == Chroma::k444) text += " 4:4:4";
  if (stream.bit_depth != 8) text += fmt::format(" with {} bits", stream.bit_depth);
  return text;
}

Result<Offer> parse_offer(std::string_view text, StreamKind stream) {
  return parse_receiver(text, stream);
}

Offer make_offer(OfferedSound sound) {
  Offer offer{.media = {{.kind = "video",
                         .protocol = std::string(kProtocol),
                         .format = std::to_string(kOfferedType),
                         .mid = "0"}},
              .format = {.payload_type = kOfferedType,
                         .parameters = std::string(kH264Parameters) + "42e01f",
                         .rtx_payload_type = kOfferedType + 1,
                         .transport_cc = true,
                         .remb = true},
              .extensions = {.playout_delay = 1, .transport_cc = 2, .abs_capture_time = 3}};
  if (sound == OfferedSound::kOpus) {
    offer.audio = {.index = offer.media.size(), .payload_type = kOfferedOpusType};
    offer.media.push_back({.kind = "audio",
                           .protocol = std::string(kProtocol),
                           .format = std::to_string(kOfferedOpusType),
                           .mid = "1"});
  }
  return offer;
}

Result<Offer> parse_answer(std::string_view text, const Offer& ours) {
  auto answer = parse_receiver(text, {});
  if (!answer) return answer;
  const auto sdp = split_sdp(text);  // it is sound: it has been split before
  if (!keeps_numbers(*answer, ours)) {
    return unsupported("numbers formats otherwise than they were offered",
                       "the server breaks RFC 3264 section 6.1");
  }
  if (answer->transport.setup == "actpass") return malformed("leaves a=setup open");
  for (const std::string_view candidate : sdp->media[answer->video].attributes("candidate")) {
    if (answer->transport.candidates.size() < kMaxCandidates && is_udp_candidate(candidate)) {
      answer->transport.candidates.emplace_back(candidate);
    }
  }
  return answer;
}

Result<Transport> parse_transport(std::string_view text) {
  const auto sdp = split_sdp(text);
  if (!sdp) return tl::unexpected(sdp.error());
  if (sdp->media.empty()) return malformed("has no media");
  auto transport = transport_of(sdp->media.front(), sdp->session);
  if (!transport) return transport;
  for (const std::string_view candidate : sdp->media.front().attributes("candidate")) {
    transport->candidates.emplace_back(candidate);
  }
  return transport;
}

std::string describe(const Offer& agreed) {
  const VideoFormat& format = agreed.format;
  std::string text(rtp::encoding_name(format.codec));
  // Of H.264 the profile is what differs.
  const auto profile = format.parameters.find("profile");
  if (profile != std::string::npos) {
    const auto end = std::min(format.parameters.find(';', profile), format.parameters.size());
    text += fmt::format(" ({})", format.parameters.substr(profile, end - profile));
  }
  text += fmt::format(" as {}", format.payload_type);
  if (format.rtx_payload_type) text += fmt::format(", again as {}", *format.rtx_payload_type);
  if (format.transport_cc) text += ", transport-cc";
  if (agreed.audio) text += fmt::format(", Opus as {}", agreed.audio->payload_type);
  return text;
}

}  // namespace lumen::web
