#include "sink/rtp/sdp.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "encode/obu.h"
#include "sink/rtp/base64.h"
#include "sink/rtp/encoding_name.h"

namespace lumen::rtp {
namespace {

namespace fs = std::filesystem;

std::string base64_list(const std::vector<Bytes>& nals) {
  std::string list;
  for (const Bytes nal : nals) {
    if (!list.empty()) list += ',';
    list += base64(nal);
  }
  return list;
}

std::string h264_parameters(Bytes parameter_sets) {
  ParameterSets sets = find_parameter_sets(Codec::kH264, parameter_sets);
  std::string text = "packetization-mode=1";
  if (const std::string id = profile_level_id(parameter_sets); !id.empty()) {
    text += ";profile-level-id=" + id;
  }
  std::vector<Bytes> in_order = std::move(sets.sps);
  in_order.insert(in_order.end(), sets.pps.begin(), sets.pps.end());
  if (!in_order.empty()) text += ";sprop-parameter-sets=" + base64_list(in_order);
  return text;
}

std::string hevc_parameters(Bytes parameter_sets) {
  const ParameterSets sets = find_parameter_sets(Codec::kHevc, parameter_sets);
  std::string text;
  const auto add = [&text](std::string_view name, const std::vector<Bytes>& nals) {
    if (nals.empty()) return;
    if (!text.empty()) text += ';';
    text += fmt::format("{}={}", name, base64_list(nals));
  };
  add("sprop-vps", sets.vps);
  add("sprop-sps", sets.sps);
  add("sprop-pps", sets.pps);
  return text;
}

// Section 7.2.1 of the AV1 payload format; the profile is the sequence header's first three bits
// (AV1 specification, 5.5.1).
std::string av1_parameters(Bytes sequence_header) {
  const auto obu = ObuReader(sequence_header).next();
  if (!obu || obu->type != ObuType::kSequenceHeader || obu->payload.empty()) return {};
  return fmt::format("profile={}", obu->payload.front() >> 5);
}

std::string format_parameters(const StreamParameters& stream) {
  switch (stream.codec) {
    case Codec::kHevc: return hevc_parameters(stream.parameter_sets);
    case Codec::kAv1: return av1_parameters(stream.parameter_sets);
    case Codec::kH264: break;
  }
  return h264_parameters(stream.parameter_sets);
}

std::string_view address_type(AddressFamily family) {
  return family == AddressFamily::kIpv4 ? "IP4" : "IP6";
}

/// RFC 4585 section 4.2, RFC 5104 section 7.1, and the drafts of REMB and transport-wide feedback.
std::string feedback_lines(const SdpSession& session) {
  std::string text;
  for (const std::string_view kind : {"nack", "nack pli", "ccm fir", "goog-remb"}) {
    text += fmt::format("a=rtcp-fb:{} {}\r\n", session.payload_type, kind);
  }
  if (session.extensions.transport_sequence != 0) {
    text += fmt::format("a=rtcp-fb:{} transport-cc\r\n", session.payload_type);
  }
  return text;
}

/// Header extensions (RFC 8285 section 5), retransmissions (RFC 4588 section 8), SSRCs (RFC 5576).
std::string identity_lines(const SdpSession& session) {
  std::string text;
  const HeaderExtensions& ids = session.extensions;
  if (ids.abs_capture_time != 0) {
    text += fmt::format("a=extmap:{} {}\r\n", ids.abs_capture_time, kAbsCaptureTimeUri);
  }
  if (ids.transport_sequence != 0) {
    text += fmt::format("a=extmap:{} {}\r\n", ids.transport_sequence, kTransportSequenceUri);
  }
  if (session.rtx) {
    text += fmt::format("a=rtpmap:{} rtx/90000\r\na=fmtp:{} apt={}\r\n", session.rtx->payload_type,
                        session.rtx->payload_type, session.payload_type);
    text += fmt::format("a=ssrc-group:FID {} {}\r\n", session.ssrc, session.rtx->ssrc);
  }
  text += fmt::format("a=ssrc:{} cname:{}\r\n", session.ssrc, session.cname);
  if (session.rtx) text += fmt::format("a=ssrc:{} cname:{}\r\n", session.rtx->ssrc, session.cname);
  return text;
}

tl::unexpected<Error> path_error(const std::string& path, const std::error_code& code) {
  return fail_errno(ErrorKind::kIo, "can't write the session description " + path, code.value(),
                    "name a file in a directory that exists and that you may write to");
}

/// Where the description really lies: a symbolic link stays one.
Result<fs::path> real_target(const std::string& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) return fs::path(path);
  if (!fs::is_regular_file(status)) {
    return fail(ErrorKind::kInvalidArgument, path + " is not a regular file",
                "name a file for the session description, such as stream.sdp");
  }
  fs::path target = fs::canonical(path, code);
  if (code) return path_error(path, code);
  return target;
}

Result<fs::path> write_temporary(const std::string& path, const fs::path& target,
                                 const std::string& text) {
  fs::path temporary = target;
  temporary += fmt::format(".{:08x}.tmp", std::random_device{}());
  errno = 0;
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    const std::error_code code(errno != 0 ? errno : EIO, std::generic_category());
    std::error_code ignored;
    fs::remove(temporary, ignored);
    return path_error(path, code);
  }
  return temporary;
}

}  // namespace

std::string profile_level_id(Bytes parameter_sets) {
  const ParameterSets sets = find_parameter_sets(Codec::kH264, parameter_sets);
  if (sets.sps.empty() || sets.sps.front().size() < 4) return {};
  const Bytes sps = sets.sps.front();
  return fmt::format("{:02x}{:02x}{:02x}", sps[1], sps[2], sps[3]);
}

std::string make_sdp(const SdpSession& session, const StreamParameters& stream) {
  const NetworkAddress& to = session.destination;
  const std::string_view type = address_type(to.family);
  // RFC 8866 5.7: an IPv4 multicast address carries its TTL; ours is the system's default of 1.
  const bool ttl = to.multicast && to.family == AddressFamily::kIpv4;

  std::string text = "v=0\r\n";
  text += fmt::format("o=- {} {} IN {} {}\r\n", session.id, session.version, type, session.origin);
  text += "s=lumen\r\n";
  text += fmt::format("c=IN {} {}{}\r\n", type, to.ip, ttl ? "/1" : "");
  text += "t=0 0\r\n";
  const unsigned payload_type = session.payload_type;
  text += fmt::format("m=video {} {} {}", to.port, session.feedback ? "RTP/AVPF" : "RTP/AVP",
                      payload_type);
  if (session.rtx) text += fmt::format(" {}", session.rtx->payload_type);
  text += "\r\n";
  if (stream.bitrate_bps > 0) text += fmt::format("b=AS:{}\r\n", (stream.bitrate_bps + 999) / 1000);
  text += fmt::format("a=rtcp:{}\r\n", session.rtcp_port);
  if (session.rtcp_mux) text += "a=rtcp-mux\r\n";
  text += fmt::format("a=rtpmap:{} {}/90000\r\n", payload_type, encoding_name(stream.codec));
  const std::string parameters = format_parameters(stream);
  if (!parameters.empty()) text += fmt::format("a=fmtp:{} {}\r\n", payload_type, parameters);
  if (session.feedback) text += feedback_lines(session);
  text += identity_lines(session);
  if (!stream.rate.variable()) text += fmt::format("a=framerate:{:.6g}\r\n", stream.rate.value());
  return text;
}

Result<void> write_sdp(const std::string& path, const std::string& text) {
  const auto target = real_target(path);
  if (!target) return tl::unexpected(target.error());
  const auto temporary = write_temporary(path, *target, text);
  if (!temporary) return tl::unexpected(temporary.error());
  std::error_code code;
  fs::rename(*temporary, *target, code);
  if (!code) return {};
  std::error_code ignored;
  fs::remove(*temporary, ignored);
  return path_error(path, code);
}

Result<void> check_sdp_path(const std::string& path) {
  const auto target = real_target(path);
  if (!target) return tl::unexpected(target.error());
  const auto temporary = write_temporary(path, *target, "");
  if (!temporary) return tl::unexpected(temporary.error());
  std::error_code ignored;
  fs::remove(*temporary, ignored);
  return {};
}

}  // namespace lumen::rtp
