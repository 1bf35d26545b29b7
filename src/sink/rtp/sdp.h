// The session description that a player opens (RFC 8866), with the format parameters of RFC
// 6184 8.1 and RFC 7798 7.1. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.h"
#include "encode/encoded_frame.h"
#include "platform/udp_socket.h"
#include "sink/rtp/header_extensions.h"
#include "sink/rtp/nal.h"
#include "sink/rtp/packet_sender.h"

namespace lumen::rtp {

struct SdpSession {
  std::uint64_t id = 0;        // unique for this host; an NTP time, as RFC 8866 5.2 suggests
  std::uint64_t version = 0;   // grows with every change
  std::string origin;          // our own address, without brackets
  NetworkAddress destination;  // RTP; its port is in the m= line
  std::uint16_t rtcp_port = 0;
  bool rtcp_mux = false;
  bool feedback = true;  // the receiver may ask for packets and key frames (RFC 4585)
  std::uint8_t payload_type = 96;
  std::uint32_t ssrc = 0;
  std::string cname;
  HeaderExtensions extensions;
  std::optional<RtxStream> rtx;
};

std::string make_sdp(const SdpSession& session, const StreamParameters& stream);

/// The H.264 profile, constraint flags and level as six hexadecimal digits, from the first SPS
/// among these Annex B parameter sets; empty where there is none.
std::string profile_level_id(Bytes parameter_sets);

/// Writes the text to a temporary file beside `path` and renames it, so that a reader sees the old
/// description or the new one, never a part. kInvalidArgument where something other than a regular
/// file stands there, kIo otherwise.
Result<void> write_sdp(const std::string& path, const std::string& text);

/// What write_sdp() would fail with, found before anything is streamed.
Result<void> check_sdp_path(const std::string& path);

}  // namespace lumen::rtp
