#include "sink/web/audience.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen::web {
namespace {

constexpr std::chrono::milliseconds kRound{500};
constexpr std::uint64_t kToldPercent = 3;  // smaller changes of bandwidth are not worth a word

std::string make_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

tl::unexpected<Error> stream_has_ended() {
  return fail(ErrorKind::kRetry, "the stream has ended", "start it again");
}

ViewerCounts& operator+=(ViewerCounts& sum, const ViewerCounts& more) {
  sum.packets += more.packets;
  sum.bytes += more.bytes;
  sum.repeated += more.repeated;
  return sum;
}

}  // namespace

Audience::Audience(AudienceSettings settings, Callbacks callbacks)
    : settings_(std::move(settings)),
      callbacks_(std::move(callbacks)),
      thread_([this] { look_after(); }) {}

Result<Admission> Audience::admit(const Offer& offer) {
  Offer accepted = offer;
  if (!audio_) accepted.audio.reset();
  // The source wakes up while the connection is made.
  change_coming(1);
  const auto viewer = add([&](std::string id, Viewer::Callbacks callbacks) {
    return Viewer::create(std::move(id), accepted, settings_.local_addresses, settings_.make_peer,
                          std::move(callbacks));
  });
  change_coming(-1);
  if (!viewer) return tl::unexpected(viewer.error());
  return Admission{(*viewer)->id(), (*viewer)->answer()};
}

Result<std::string> Audience::invite(std::vector<IceServer> ice_servers,
                                     const Viewer::Exchange& exchange) {
  const auto viewer = add([&](std::string id, Viewer::Callbacks callbacks) {
    return Viewer::invite(std::move(id), audio_ ? OfferedSound::kOpus : OfferedSound::kNone,
                          settings_.local_addresses, std::move(ice_servers), settings_.make_peer,
                          exchange, std::move(callbacks));
  });
  if (!viewer) return tl::unexpected(viewer.error());
  return (*viewer)->id();
}

Result<std::shared_ptr<Viewer>> Audience::add(const Maker& make) {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return stream_has_ended();
    if (viewers_.size() + admitting_ >= settings_.most) {
      return fail(ErrorKind::kRetry, fmt::format("{} are watching already", settings_.most),
                  "try again when one of them has left");
    }
    ++admitting_;
  }
  auto viewer = make(make_id(), {.key_frame_wanted = callbacks_.key_frame_wanted,
                                 .connected = [this] { tell_changed(); },
                                 .attention = [this] { draw_attention(); },
                                 .bandwidth_changed = [this] { tell_bandwidth(); }});
  std::size_t watching = 0;
  {
    const std::scoped_lock lock(mutex_);
    --admitting_;
    if (viewer && closed_) viewer = stream_has_ended();
    if (viewer) viewers_.push_back(*viewer);
    watching = viewers_.size();
  }
  if (!viewer) return viewer;
  tell_changed();
  draw_attention();  // it was waiting for somebody to look after
  log::area("web").info("{} {} comes ({} now): {}", settings_.who, (*viewer)->id().substr(0, 8),
                        watching, (*viewer)->agreement());
  return viewer;
}

void Audience::change_coming(int by) {
  {
    const std::scoped_lock lock(mutex_);
    coming_ += by;
  }
  tell_changed();
}

void Audience::tell_changed() const {
  if (callbacks_.changed) callbacks_.changed();
}

void Audience::draw_attention() {
  {
    const std::scoped_lock lock(attention_mutex_);
    attention_wanted_ = true;
  }
  attention_.notify_one();
}

bool Audience::wanted() const {
  const std::scoped_lock lock(mutex_);
  return !viewers_.empty() || coming_ > 0;
}

std::size_t Audience::connected() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      viewers_, [](const std::shared_ptr<Viewer>& viewer) { return viewer->connected(); }));
}

bool Audience::dismiss(std::string_view id) {
  for (const auto& viewer : viewers()) {
    if (viewer->id() != id) continue;
    let_go(viewer, "leaves");
    return true;
  }
  return false;
}

bool Audience::listens(std::string_view id, bool yes) {
  for (const auto& viewer : viewers()) {
    if (viewer->id() != id) continue;
    viewer->listens(yes);
    return true;
  }
  return false;
}

void Audience::let_go(std::shared_ptr<Viewer> viewer, std::string_view why) {
  std::size_t left = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (std::erase(viewers_, viewer) == 0) return;
    left = viewers_.size();
  }
  viewer->close();
  const ViewerCounts counts = viewer->counts();
  {
    const std::scoped_lock lock(mutex_);
    past_ += counts;
  }
  tell_bandwidth();
  if (callbacks_.left) callbacks_.left();
  tell_changed();
  log::area("web").info("{} {} {} after {} packets, {} of them sent again ({} now)", settings_.who,
                        viewer->id().substr(0, 8), why, counts.packets, counts.repeated, left);
}

Audience::Viewers Audience::viewers() const {
  const std::scoped_lock lock(mutex_);
  return viewers_;
}

// One encoding for all: the slowest decides.
void Audience::tell_bandwidth() {
  const std::scoped_lock lock(bandwidth_mutex_);
  std::uint64_t slowest = 0;
  for (const auto& viewer : viewers()) {
    const auto bandwidth = viewer->bandwidth();
    if (bandwidth) slowest = slowest == 0 ? *bandwidth : std::min(slowest, *bandwidth);
  }
  const std::uint64_t told = told_bandwidth_;
  const std::uint64_t change = std::max(slowest, told) - std::min(slowest, told);
  if (change * 100 <= told * kToldPercent) return;
  told_bandwidth_ = slowest;
  if (callbacks_.bandwidth) callbacks_.bandwidth(slowest);
}

void Audience::send(std::span<const rtp::Bytes> packets, Timestamp seen, bool key) {
  for (const auto& viewer : viewers()) viewer->send(packets, seen, key);
}

void Audience::send_audio(rtp::Bytes packet, Timestamp heard) {
  for (const auto& viewer : viewers()) viewer->send_audio(packet, heard);
}

std::size_t Audience::size() const {
  const std::scoped_lock lock(mutex_);
  return viewers_.size();
}

ViewerCounts Audience::counts() const {
  const std::scoped_lock lock(mutex_);
  ViewerCounts sum = past_;
  for (const auto& viewer : viewers_) sum += viewer->counts();
  return sum;
}

void Audience::look_after() {
  for (;;) {
    const bool alone = size() == 0;
    {
      std::unique_lock lock(attention_mutex_);
      const auto called = [this] { return attention_wanted_ || ending_; };
      if (alone) {
        attention_.wait(lock, called);
      } else {
        attention_.wait_for(lock, kRound, called);
      }
      if (ending_) return;
      attention_wanted_ = false;
    }
    const Timestamp time = now();
    for (const auto& viewer : viewers()) {
      viewer->serve(time);
      if (viewer->gone(time, settings_.patience)) let_go(viewer, "is gone");
    }
  }
}

void Audience::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  {
    const std::scoped_lock lock(attention_mutex_);
    ending_ = true;
  }
  attention_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (const auto& viewer : viewers()) let_go(viewer, "is let go");
}

}  // namespace lumen::web
