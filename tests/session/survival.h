// What a desktop does to a host over the day, at random and much faster. Shared by the short and
// the long form.
#pragma once

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "host.h"
#include "live_viewer.h"

namespace lumen::session {

struct SurvivalSettings {
  unsigned events = 8;
  unsigned seed = std::random_device{}();
  /// Frames must flow again so soon after the source is back.
  Milliseconds patience{2000};
  /// Between two events, while the stream just runs.
  Milliseconds calm{300};
  std::uint64_t memory_growth_kib = 16 * 1024;  // of the host, after the first events
};

class SurvivalRun {
 public:
  SurvivalRun(PrivateSession& session, const SurvivalSettings& settings)
      : session_(session), settings_(settings), random_(settings.seed) {}

  void run() {
    std::cerr << "seed " << settings_.seed << " (LUMEN_SURVIVAL_SEED repeats it)\n";
    produce();
    auto host =
        Host::start(session_, {"--source", "node:screen", "--wait", "--bitrate", "2M", "--sink",
                               "rtp:127.0.0.1:" + free_port() + "?sdp=" + file("s.sdp"), "--sink",
                               "file:" + file("out.mkv")});
    ASSERT_TRUE(host) << host.error().describe();
    host_.emplace(std::move(*host));
    viewer_ = std::make_unique<LiveViewer>(file("s.sdp"));
    ASSERT_TRUE(flows(Milliseconds(30000))) << "it does not even begin";

    std::vector<unsigned> order;
    for (unsigned i = 0; i < settings_.events; ++i) {
      // Each kind comes once before any comes again, in an order of the seed's.
      if (i % events().size() == 0) order = shuffled();
      const Event& event = events()[order[i % events().size()]];
      if (!survive(i, event)) return;
      settle(i);
    }
    // What has piled up in the pipe is read by whoever waits for the end.
    EXPECT_EQ(host_->interrupt(), 0) << host_->process().log_text();
    const LiveViewer::Seen seen = viewer_->finish();
    std::cerr << seen.session << " pictures of the session and " << seen.waiting
              << " of the host's own were watched; slowest return " << slowest_.count() << " ms, "
              << slowest_event_ << "\n";
    std::uint64_t recorded = 0;
    const auto video = decode_video(file("out.mkv"), [&](DecodedFrame&& frame) {
      EXPECT_FALSE(LiveViewer::is_waiting_picture(frame)) << "picture " << frame.index;
      ++recorded;
    });
    ASSERT_TRUE(video) << video.error().describe();
    EXPECT_EQ(video->errors, 0U) << "the recording is damaged";
    EXPECT_GT(recorded, settings_.events * 5);
  }

 private:
  struct Event {
    const char* name;
    void (SurvivalRun::*happen)();
  };
  static const std::vector<Event>& events() {
    static const std::vector<Event> kEvents = {
        {"compositor killed and restarted", &SurvivalRun::restart_compositor},
        {"output resized", &SurvivalRun::resize},
        {"output removed for a while", &SurvivalRun::remove_output},
        {"node flaps", &SurvivalRun::flap},
        {"PipeWire restarted", &SurvivalRun::restart_pipewire},
        {"WirePlumber restarted", &SurvivalRun::restart_wireplumber},
        {"suspend and resume", &SurvivalRun::suspend},
        {"compositor hangs", &SurvivalRun::hang},
        {"bus restarted", &SurvivalRun::restart_bus},
    };
    return kEvents;
  }
  std::vector<unsigned> shuffled() {
    std::vector<unsigned> order(events().size());
    for (unsigned i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::shuffle(order, random_);
    return order;
  }
  unsigned between(unsigned least, unsigned most) {
    return std::uniform_int_distribution<unsigned>(least, most)(random_);
  }
  static void pause(unsigned milliseconds) {
    std::this_thread::sleep_for(Milliseconds(milliseconds));
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    return (session_.dir() / name).string();
  }

  void produce(const std::string& size = "320x180") {
    auto process =
        session_.spawn({LUMEN_TEST_PRODUCER, "--name", "screen", "--size", size, "--fps", "30"},
                       StandardOutput::kPipe);
    ASSERT_TRUE(process) << process.error().describe();
    ASSERT_TRUE(process->read_value("ready ", Milliseconds(15000))) << process->log_text();
    producer_.emplace(std::move(*process));
  }

  void restart_compositor() {
    producer_->kill();
    pause(between(0, 1500));
    produce();
  }
  void resize() {
    producer_->stop();
    produce(between(0, 1) == 0 ? "480x270" : "160x120");
  }
  void remove_output() {
    producer_->stop();
    pause(between(800, 2500));
    produce();
  }
  void flap() {
    for (unsigned i = between(2, 4); i > 0; --i) {
      producer_->kill();
      produce();
      pause(between(0, 200));
    }
  }
  void restart_pipewire() {
    producer_->kill();
    session_.kill_pipewire();
    pause(between(0, 1500));
    const auto started = session_.start_pipewire();
    ASSERT_TRUE(started) << started.error().describe();
    produce();
  }
  void restart_wireplumber() {
    const auto restarted = session_.restart_wireplumber();
    ASSERT_TRUE(restarted) << restarted.error().describe();
  }
  void suspend() {
    host_->process().signal(SIGSTOP);
    pause(between(500, 3000));
    host_->process().signal(SIGCONT);
  }
  void hang() {
    producer_->signal(SIGSTOP);
    pause(between(500, 2500));
    producer_->signal(SIGCONT);
  }
  void restart_bus() {
    const auto restarted = session_.restart_bus();
    ASSERT_TRUE(restarted) << restarted.error().describe();
  }

  /// Ten more pictures of the session reach the viewer.
  bool flows(Milliseconds timeout) {
    const std::uint64_t seen = viewer_->seen().session;
    return eventually(timeout, [&] { return viewer_->seen().session >= seen + 10; });
  }
  bool survive(unsigned number, const Event& event) {
    (this->*event.happen)();
    if (testing::Test::HasFatalFailure()) return false;
    const auto back = std::chrono::steady_clock::now();
    const bool again = flows(Milliseconds(15000));
    const auto took =
        std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - back);
    std::cerr << number << ": " << event.name << ": " << took.count() << " ms\n";
    if (took > slowest_) {
      slowest_ = took;
      slowest_event_ = event.name;
    }
    EXPECT_TRUE(again) << event.name << " (event " << number << "): the stream stands still";
    EXPECT_LE(took, settings_.patience) << event.name << " (event " << number << ")";
    return again && host_->process().running();
  }
  void settle(unsigned number) {
    pause(static_cast<unsigned>(settings_.calm.count()));
    while (host_->process().read_line(Milliseconds(1))) {  // the pipe must not fill up
    }
    const std::size_t fds = host_->process().fd_count();
    const std::uint64_t kib = host_->process().rss_kib();
    if (number < events().size() / 2) {
      settled_fds_ = std::max(settled_fds_, fds);
      settled_kib_ = std::max(settled_kib_, kib);
      return;
    }
    EXPECT_LE(fds, settled_fds_ + 4) << "descriptors leak, event " << number;
    EXPECT_LE(kib, settled_kib_ + settings_.memory_growth_kib) << "memory leaks, event " << number;
  }

  PrivateSession& session_;
  const SurvivalSettings settings_;
  std::mt19937 random_;
  std::optional<Process> producer_;
  std::optional<Host> host_;
  std::unique_ptr<LiveViewer> viewer_;
  std::size_t settled_fds_ = 0;
  std::uint64_t settled_kib_ = 0;
  Milliseconds slowest_{0};
  std::string slowest_event_;
};

inline void survive_a_desktop(SurvivalSettings settings) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  if (const char* const seed = std::getenv("LUMEN_SURVIVAL_SEED")) {
    settings.seed = static_cast<unsigned>(std::strtoul(seed, nullptr, 10));
  }
  if (const char* const events = std::getenv("LUMEN_SURVIVAL_EVENTS")) {
    settings.events = static_cast<unsigned>(std::strtoul(events, nullptr, 10));
  }
  SurvivalRun(**session, settings).run();
}

}  // namespace lumen::session
