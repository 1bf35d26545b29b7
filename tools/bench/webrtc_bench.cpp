// How long a packet of WebRTC takes from being handed to the connection to the system call that
// puts it on the wire: through webrtcbin, its RTP session, SRTP and ICE. Two connections of this
// process stand opposite each other on loopback; encryption lets nobody tell one packet from
// another there, so that the calls themselves are watched: sendmsg() and sendmmsg() below take the
// place of libc's.
#include <dlfcn.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "platform/clock_sleep.h"
#include "sink/rtp/pacer.h"
#include "sink/rtp/packetizer.h"
#include "sink/rtp/rtcp.h"
#include "sink/web/gst_peer.h"
#include "sink/web/rtp_packet.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

constexpr FrameRate kRate{60, 1};
constexpr std::size_t kFrameBytes = 10'000'000 / 8 / 60;  // 10 Mb/s
constexpr unsigned kFrames = 600;
constexpr unsigned kWarmUp = 60;
constexpr std::uint32_t kSsrc = 1000;

/// What this thread's pushes are doing.
struct Push {
  bool under_way = false;
  Timestamp on_the_wire = kNoTimestamp;  // when the system call was entered
};
thread_local Push push;

void note_system_call() {
  if (push.under_way && push.on_the_wire == kNoTimestamp) push.on_the_wire = now();
}

struct End {
  std::atomic<bool> connected{false};
  std::atomic<bool> failed{false};
  std::unique_ptr<web::MediaPeer> peer;  // last: its events use the rest
};

Result<void> make(End& end, std::uint32_t ssrc) {
  auto peer = web::create_gst_peer(
      {.local_addresses = {"127.0.0.1"},
       .ice_servers = {},
       .ids = {.ssrc = ssrc, .rtx_ssrc = ssrc + 1, .audio_ssrc = ssrc + 2, .cname = "bench"},
       .events = {.connected = [&end] { end.connected = true; },
                  .failed = [&end] { end.failed = true; },
                  .heard = [] {},
                  .key_frame_wanted = [] {},
                  .lost = [](std::span<const std::uint16_t>) {},
                  .reported = [](std::span<const rtp::PacketReport>) {}}});
  if (!peer) return tl::unexpected(std::move(peer.error()));
  end.peer = *std::move(peer);
  return {};
}

/// Each believes that the other receives.
Result<void> connect(End& sender, End& receiver) {
  web::Offer offer = web::make_offer(web::OfferedSound::kNone);
  auto ours = sender.peer->offer(offer);
  if (!ours) return tl::unexpected(std::move(ours.error()));
  offer.transport = *std::move(ours);
  auto theirs = receiver.peer->negotiate(offer);
  if (!theirs) return tl::unexpected(std::move(theirs.error()));
  offer.transport = *std::move(theirs);
  if (auto accepted = sender.peer->accept(offer); !accepted) return accepted;
  for (const Timestamp limit = now() + 10s; now() < limit; std::this_thread::sleep_for(10ms)) {
    if (sender.failed || receiver.failed) break;
    if (sender.connected && receiver.connected) return {};
  }
  return fail(ErrorKind::kIo, "the two connections don't find each other");
}

/// One slice.
std::vector<std::uint8_t> access_unit() {
  std::vector<std::uint8_t> bytes(kFrameBytes, 0x55);
  constexpr std::uint8_t kStart[] = {0, 0, 0, 1, 0x41};
  std::ranges::copy(kStart, bytes.begin());
  return bytes;
}

struct Times {
  std::vector<Nanoseconds> first_of_burst;  // to the system call: after a pause
  std::vector<Nanoseconds> to_system_call;  // of all
  std::vector<Nanoseconds> to_return;  // the receiver's socket has it: loopback delivers at once
  unsigned elsewhere = 0;              // packets that another thread sent
};

enum class Place { kFirst, kLater };  // in its burst

void send(web::MediaPeer& peer, const std::vector<std::uint8_t>& packet, Place place,
          Times& times) {
  push = {.under_way = true};
  const Timestamp begin = now();
  peer.send(packet, begin);
  const Timestamp end = now();
  push.under_way = false;
  if (push.on_the_wire == kNoTimestamp) {
    ++times.elsewhere;
    return;
  }
  times.to_system_call.push_back(push.on_the_wire - begin);
  if (place == Place::kFirst) times.first_of_burst.push_back(push.on_the_wire - begin);
  times.to_return.push_back(end - begin);
}

/// Pictures as a viewer gets them, paced.
Times measure(web::MediaPeer& peer) {
  const std::vector<std::uint8_t> picture = access_unit();
  rtp::Packetizer packetizer({.max_packet_bytes = 1150});
  std::vector<std::size_t> sizes;
  std::vector<rtp::Burst> bursts;
  std::vector<std::uint8_t> packet;
  Times times;
  Times warming_up;
  std::uint16_t sequence = 0;
  const Timestamp start = now();
  for (unsigned i = 0; i < kWarmUp + kFrames; ++i) {
    sleep_until(start + frame_offset(kRate, i));
    const auto packets = packetizer.packetize(Codec::kH264, {}, picture, i * 1500);
    sizes.clear();
    for (const rtp::Bytes one : packets) sizes.push_back(one.size());
    rtp::plan_bursts(sizes, rtp::pacing_budget(kRate), {}, bursts);
    const Timestamp begin = now();
    for (const rtp::Burst& burst : bursts) {
      if (burst.at > Nanoseconds{0}) sleep_until(begin + burst.at);
      Place place = Place::kFirst;
      for (const rtp::Bytes one : packets.subspan(burst.first, burst.count)) {
        web::identify(one,
                      {.payload_type = 96,
                       .ssrc = kSsrc,
                       .playout_delay_id = 1,
                       .transport_cc_id = 2,
                       .capture_time_id = 3,
                       .capture_time = rtp::ntp_time_at(begin)},
                      sequence++, packet);
        send(peer, packet, std::exchange(place, Place::kLater), i < kWarmUp ? warming_up : times);
      }
    }
  }
  return times;
}

std::string summary(std::vector<Nanoseconds>& times) {
  if (times.empty()) return "-";
  std::ranges::sort(times);
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * double(times.size() - 1));
    return std::chrono::duration<double, std::micro>(times[index]).count();
  };
  return fmt::format("p50 {:.1f}, p95 {:.1f}, p99 {:.1f} us", at(0.5), at(0.95), at(0.99));
}

Result<void> run() {
  if (auto ready = web::prepare_gst_peers(); !ready) return ready;
  web::make_dtls_key().wait();
  End sender;
  End receiver;
  if (auto made = make(sender, kSsrc); !made) return made;
  if (auto made = make(receiver, 2 * kSsrc); !made) return made;
  if (auto connected = connect(sender, receiver); !connected) return connected;
  Times times = measure(*sender.peer);
  fmt::print(
      "{} packets of up to 1170 bytes, 10 Mb/s at 60 frames/s, paced ({} sent by other threads)\n"
      "push -> sendmsg()                 {}\n"
      "  the first of each burst         {}\n"
      "push -> in the receiver's socket  {}\n",
      times.to_return.size() + times.elsewhere, times.elsewhere, summary(times.to_system_call),
      summary(times.first_of_burst), summary(times.to_return));
  return {};
}

/// libc's own.
template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace lumen

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const real = lumen::next<ssize_t(int, const msghdr*, int)>("sendmsg");
  lumen::note_system_call();
  return real(fd, message, flags);
}

extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  static auto* const real = lumen::next<int(int, mmsghdr*, unsigned, int)>("sendmmsg");
  lumen::note_system_call();
  return real(fd, messages, count, flags);
}

int main() {
  const auto done = lumen::run();
  if (!done) std::fprintf(stderr, "lumen-bench-webrtc: %s\n", done.error().describe().c_str());
  return done ? 0 : 1;
}
