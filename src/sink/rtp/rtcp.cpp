#include "sink/rtp/rtcp.h"

#include <algorithm>
#include <array>
#include <random>

#include "sink/rtp/base64.h"
#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {
namespace {

constexpr std::uint8_t kTypeSr = 200;
constexpr std::uint8_t kTypeSdes = 202;
constexpr std::uint8_t kTypeBye = 203;
constexpr std::uint8_t kTypeXr = 207;
constexpr std::uint8_t kRoundTripBlock = 5;
constexpr std::uint64_t kSecondsFrom1900To1970 = 2'208'988'800;

void put32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

/// `words` counts 32-bit words after the header's first.
void put_header(std::vector<std::uint8_t>& out, unsigned count, std::uint8_t type,
                std::size_t words) {
  out.push_back(static_cast<std::uint8_t>(kVersion2 | count));
  out.push_back(type);
  out.push_back(static_cast<std::uint8_t>(words >> 8));
  out.push_back(static_cast<std::uint8_t>(words));
}

}  // namespace

std::uint64_t ntp_time(std::chrono::sys_time<std::chrono::nanoseconds> wall) {
  const auto since_1970 = wall.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  const auto rest = static_cast<std::uint64_t>((since_1970 - seconds).count());
  const std::uint64_t ntp_seconds =
      static_cast<std::uint64_t>(seconds.count()) + kSecondsFrom1900To1970;
  return ntp_seconds << 32 | (rest << 32) / 1'000'000'000U;
}

std::uint64_t ntp_time_at(Timestamp instant) {
  const auto wall = std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
  return ntp_time(wall - (now() - instant));
}

std::vector<std::uint8_t> make_compound(const SenderReport& report, std::string_view cname,
                                        Farewell farewell) {
  std::vector<std::uint8_t> out;
  put_header(out, 0, kTypeSr, 6);
  put32(out, report.ssrc);
  put32(out, static_cast<std::uint32_t>(report.ntp >> 32));
  put32(out, static_cast<std::uint32_t>(report.ntp));
  put32(out, report.rtp_time);
  put32(out, report.packets);
  put32(out, report.payload_bytes);

  // One chunk: SSRC, the CNAME item, then one to four zero bytes that end the list and fill the
  // word.
  cname = cname.substr(0, 255);
  const std::size_t item_bytes = 2 + cname.size();
  const std::size_t padding = 4 - item_bytes % 4;
  put_header(out, 1, kTypeSdes, 1 + (item_bytes + padding) / 4);
  put32(out, report.ssrc);
  out.push_back(kSdesCname);
  out.push_back(static_cast<std::uint8_t>(cname.size()));
  out.insert(out.end(), cname.begin(), cname.end());
  out.insert(out.end(), padding, 0);

  if (farewell == Farewell::kBye) {
    put_header(out, 1, kTypeBye, 1);
    put32(out, report.ssrc);
  }
  return out;
}

std::vector<std::uint8_t> make_round_trip_reply(std::uint32_t ssrc, std::uint32_t receiver,
                                                std::uint32_t reference, Nanoseconds since) {
  constexpr std::int64_t kUnitsPerSecond = 65536;
  constexpr Nanoseconds kLongest = std::chrono::hours{18};  // 32 bits hold 18 h 12 min
  const Nanoseconds delay = std::clamp(since, Nanoseconds{0}, kLongest);
  std::vector<std::uint8_t> out;
  put_header(out, 0, kTypeXr, 5);
  put32(out, ssrc);
  put32(out, std::uint32_t{kRoundTripBlock} << 24 | 3U);  // of three words
  put32(out, receiver);
  put32(out, reference);
  put32(out, static_cast<std::uint32_t>(delay / std::chrono::microseconds{1} * kUnitsPerSecond /
                                        1'000'000));
  return out;
}

std::string make_cname() {
  std::random_device device;
  std::array<std::uint8_t, 12> bits{};
  std::generate(bits.begin(), bits.end(), [&] { return static_cast<std::uint8_t>(device()); });
  return base64(bits);
}

}  // namespace lumen::rtp
