#include "sink/whip/whip_sink.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "core/log.h"
#include "platform/linux/local_addresses.h"
#include "sink/web/gst_peer.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kFirstPause = 500ms;
constexpr Nanoseconds kLongestPause = 8s;
// A session that lasted so long was a good one: the next pause is the first again.
constexpr Nanoseconds kGood = 10s;

/// A server on this machine may listen at a loopback address only; but it may also be the near end
/// of a tunnel.
std::vector<std::string> local_addresses(const whip::WhipClient& client) {
  const std::string loopback = client.loopback_address();
  if (loopback.empty()) return {};
  auto addresses = reachable_addresses();
  addresses.push_back(loopback);
  return addresses;
}

bool may_get_better(const Error& error) {
  return error.kind == ErrorKind::kRetry || error.kind == ErrorKind::kIo;
}

}  // namespace

WhipSink::WhipSink(WhipSettings settings, std::optional<rtp::Mirror> mirror)
    : client_(std::move(settings)),
      audience_({.who = "WHIP session",
                 .most = 1,
                 .local_addresses = local_addresses(client_),
                 .make_peer = web::create_gst_peer},
                {.key_frame_wanted =
                     [this] {
                       const std::scoped_lock lock(requests_mutex_);
                       if (requests_.key_frame) requests_.key_frame();
                     },
                 .bandwidth =
                     [this](std::uint64_t rate) {
                       const std::scoped_lock lock(requests_mutex_);
                       if (requests_.bandwidth) requests_.bandwidth(rate);
                     },
                 .left =
                     [this] {
                       const std::scoped_lock lock(mutex_);
                       lost_ = true;
                       changed_.notify_all();
                     },
                 .changed =
                     [this] {
                       if (audience_.connected() > 0) tell_connection(nullptr);
                       const std::scoped_lock lock(requests_mutex_);
                       if (requests_.demand) requests_.demand();
                     }}),
      sender_(audience_, std::move(mirror)),
      audio_packetizer_({.first_timestamp = std::random_device{}()}) {}

Result<std::unique_ptr<WhipSink>> WhipSink::create(WhipSettings settings) {
  if (auto sound = whip::check_endpoint(settings.url); !sound) {
    return tl::unexpected(std::move(sound.error()));
  }
  if (auto ready = web::prepare_gst_peers(); !ready) return tl::unexpected(ready.error());
  auto mirror = rtp::Mirror::create_if(settings.mirror);
  if (!mirror) return tl::unexpected(mirror.error());
  std::unique_ptr<WhipSink> sink(new WhipSink(std::move(settings), *std::move(mirror)));
  sink->dtls_key_ = web::make_dtls_key();
  return sink;
}

WhipSink::~WhipSink() { (void)close(); }

void WhipSink::connect(SinkRequests requests) {
  const std::scoped_lock lock(requests_mutex_);
  requests_ = std::move(requests);
}

Result<void> WhipSink::open(const StreamParameters& stream) {
  if (stream.codec != Codec::kH264) {
    return fail(ErrorKind::kInvalidArgument, "WHIP servers are sent H.264 only",
                "leave --codec out, or use --codec h264");
  }
  thread_ = std::thread([this] { publish(); });
  publishing_ = true;
  return {};
}

/// False when the sink closes.
bool WhipSink::wait(Nanoseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return closing_; });
}

void WhipSink::publish() {
  Nanoseconds pause = kFirstPause;
  for (;;) {
    const Timestamp begin = now();
    auto done = publish_once();
    {
      const std::scoped_lock lock(mutex_);
      if (closing_) return;
      if (!done && !may_get_better(done.error())) {
        failure_ = std::move(done.error());
        failed_ = true;
      }
    }
    if (failed_) {
      const std::scoped_lock lock(requests_mutex_);
      if (requests_.demand) requests_.demand();  // so that a write() comes
      return;
    }
    const Error lost = done ? Error{ErrorKind::kIo, "the connection is lost"} : done.error();
    if (now() - begin > kGood) pause = kFirstPause;
    log::area("whip").debug("{}; trying again in {:.1f} s", lost.describe(),
                            std::chrono::duration<double>(pause).count());
    tell_connection(&lost);
    if (!wait(pause)) return;
    pause = std::min(2 * pause, kLongestPause);
  }
}

// The first reason of a row is told, and the end of it.
void WhipSink::tell_connection(const Error* lost) {
  {
    const std::scoped_lock lock(mutex_);
    const bool known = (lost != nullptr) == !trouble_.empty();
    trouble_ = lost == nullptr ? "" : lost->describe();
    if (known) return;
  }
  const std::scoped_lock lock(requests_mutex_);
  if (requests_.connection) requests_.connection(lost);
}

std::string WhipSink::trouble() const {
  const std::scoped_lock lock(mutex_);
  return trouble_;
}

// From the offer to the session's end.
Result<void> WhipSink::publish_once() {
  if (auto told = client_.ask_for_ice_servers(); !told.empty()) ice_servers_ = std::move(told);
  {
    const std::scoped_lock lock(mutex_);
    lost_ = false;
  }
  whip::WhipSession session;
  const auto published = audience_.invite(
      ice_servers_, [&](const web::Offer& ours, const std::string& offer) -> Result<web::Offer> {
        auto made = client_.offer(offer);
        if (!made) return tl::unexpected(std::move(made.error()));
        session = *std::move(made);
        auto answer = web::parse_answer(session.answer, ours);
        if (!answer) return with_context("the WHIP server's answer", std::move(answer.error()));
        tell_of_sound(ours, *answer);
        return answer;
      });
  if (!published) {
    client_.end(session.url);
    return tl::unexpected(published.error());
  }
  log::area("whip").info("publishing to {}", client_.name());
  // Those that only come with the answer serve the next attempt.
  if (!session.ice_servers.empty()) ice_servers_ = session.ice_servers;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closing_ || lost_; });
  }
  client_.end(session.url);
  audience_.dismiss(*published);
  return {};
}

void WhipSink::tell_of_sound(const web::Offer& ours, const web::Offer& answer) {
  if (!ours.audio || answer.audio || std::exchange(told_of_sound_, true)) return;
  log::area("whip").warn("{} takes no Opus beside the picture: it gets no sound", client_.name());
}

void WhipSink::expect_audio(const AudioParameters&) { audience_.expect_audio(); }

Result<void> WhipSink::write_audio(const AudioPacket& packet) {
  // Sound that nobody expected when the session began goes along with the next one.
  audience_.expect_audio();
  audience_.send_audio(audio_packetizer_.packetize(packet), packet.pts);
  return {};
}

Result<void> WhipSink::write(const EncodedFrame& frame, FrameTimes& times) {
  {
    const std::scoped_lock lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
  }
  sender_.write(frame, times);
  return {};
}

Result<void> WhipSink::close() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  client_.cancel();
  if (thread_.joinable()) thread_.join();
  audience_.close();
  return {};
}

SinkStats WhipSink::stats() const {
  const web::ViewerCounts counts = audience_.counts();
  return {.frames = sender_.frames(), .bytes = counts.bytes, .packets = counts.packets};
}

std::string WhipSink::describe() const { return "whip " + client_.name(); }

}  // namespace lumen
