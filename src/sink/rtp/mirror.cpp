#include "sink/rtp/mirror.h"

#include <system_error>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen::rtp {
namespace {

constexpr int kMirrorBufferBytes = 4 << 20;

}  // namespace

Result<Mirror> Mirror::create(const MirrorTarget& target) {
  const auto address = resolve_udp(target.host, target.port);
  if (!address) return with_context("mirror", address.error());
  auto socket = UdpSocket::connect(*address, kMirrorBufferBytes);
  if (!socket) return with_context("mirror", socket.error());
  const std::string name = fmt::format("{} port {}", address->ip, address->port);
  log::area("rtp").info("packets go to {}, too", name);
  return Mirror(*std::move(socket), name);
}

Result<std::optional<Mirror>> Mirror::create_if(const std::optional<MirrorTarget>& target) {
  if (!target) return std::nullopt;
  return create(*target);
}

void Mirror::send(std::span<const Bytes> packets) {
  using Stop = UdpSendOutcome::Stop;
  while (!packets.empty()) {
    const UdpSendOutcome outcome = socket_.send(packets);
    packets = packets.subspan(outcome.sent);
    if (outcome.stop == Stop::kNone) continue;
    if (!told_) {
      log::area("rtp").warn("the mirror at {} misses packets: {}", name_,
                            outcome.stop == Stop::kRefused
                                ? "nobody receives there"
                                : std::generic_category().message(outcome.code));
      told_ = true;
    }
    // A refusal is about an earlier packet and has cost none of these.
    if (outcome.stop != Stop::kRefused) return;
  }
}

}  // namespace lumen::rtp
