// Screen casts through a real xdg-desktop-portal: what is asked, what is remembered, and what is
// said when it does not work out.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "capture/session/portal/portal_cast.h"
#include "capture/synthetic/barcode.h"
#include "doctor.h"
#include "harness/decode.h"
#include "harness/portal.h"
#include "host.h"

namespace lumen::session {
namespace {

namespace fs = std::filesystem;

constexpr Milliseconds kPatience{20000};

/// Collects what a cast says of its end; the cast calls from its own thread.
class Endings {
 public:
  ScreenCast::Ended listener() {
    return [this](const std::string& reason) {
      const std::scoped_lock lock(mutex_);
      reasons_.push_back(reason);
    };
  }
  std::vector<std::string> all() {
    const std::scoped_lock lock(mutex_);
    return reasons_;
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    reasons_.clear();
  }
  /// The first one, waited for.
  std::string await() {
    eventually(kPatience, [this] { return !all().empty(); });
    const auto reasons = all();
    return reasons.empty() ? "(none)" : reasons.front();
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> reasons_;
};

/// One session with one producer for all tests; each has a portal of its own.
class PortalTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = PrivateSession::start();
    if (!started) {
      absent_ = started.error().describe();
      return;
    }
    session_ = std::move(*started);
    auto producer = session_->spawn(
        {LUMEN_TEST_PRODUCER, "--name", "shared screen", "--size", "1280x720", "--fps", "30"},
        StandardOutput::kPipe);
    ASSERT_TRUE(producer) << producer.error().describe();
    producer_ = std::move(*producer);
    const auto ready = producer_->read_value("ready node-id=", kPatience);
    ASSERT_TRUE(ready) << ready.error().describe();
    node_ = static_cast<std::uint32_t>(std::stoul(*ready));
    for (const char* key : {"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"}) {
      ::setenv(key, session_->env().at(key).c_str(), 1);
    }
  }
  static void TearDownTestSuite() {
    producer_.reset();
    session_.reset();
  }

  void SetUp() override {
    if (!session_) GTEST_SKIP() << absent_;
    std::error_code ignored;
    fs::remove_all(state(), ignored);
  }

  static fs::path state() { return session_->dir() / "state/lumen"; }

  static std::vector<std::string> script(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--node", std::to_string(node_)});
    return more;
  }

  void start_portal(std::vector<std::string> more = {},
                    Portal::Backend backend = Portal::Backend::kRuns) {
    auto started = Portal::start(*session_, script(std::move(more)), backend);
    if (!started && started.error().kind == ErrorKind::kUnsupported) {
      GTEST_SKIP() << started.error().describe();
    }
    ASSERT_TRUE(started) << started.error().describe();
    portal_ = std::move(*started);
  }

  std::string backend_says() {
    auto line = portal_->backend().read_line(kPatience);
    return line ? *line : line.error().describe();
  }

  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static std::unique_ptr<PrivateSession> session_;
  static std::optional<Process> producer_;
  static std::uint32_t node_;
  static std::string absent_;
  std::unique_ptr<Portal> portal_;
  Endings endings_;
};

std::unique_ptr<PrivateSession> PortalTest::session_;
std::optional<Process> PortalTest::producer_;
std::uint32_t PortalTest::node_ = 0;
std::string PortalTest::absent_;

TEST_F(PortalTest, GrantsWhatTheUserChose) {
  start_portal();
  PortalCast cast({});
  EXPECT_EQ(cast.describe(), "desktop portal");
  const auto grant = cast.open({}, endings_.listener());
  ASSERT_TRUE(grant) << grant.error().describe();
  ASSERT_TRUE(std::holds_alternative<pipewire::NodeId>(grant->node));
  EXPECT_EQ(std::get<pipewire::NodeId>(grant->node).id, node_);
  EXPECT_TRUE(grant->remote);
  EXPECT_EQ(cast.describe(), "desktop portal (monitor)");
  EXPECT_EQ(backend_says(), "asked types=7 cursor=2 persist=2 restore=no");
  EXPECT_EQ(backend_says(), "dialog");
  cast.end();
  EXPECT_EQ(backend_says(), "session closed");
  EXPECT_TRUE(endings_.all().empty()) << "an end that was asked for is not told";
}

TEST_F(PortalTest, AsksForThePointerWhereOneWantsIt) {
  start_portal({"--cursors", "7"});
  const std::pair<CursorMode, const char*> wishes[] = {{CursorMode::kAuto, "2"},
                                                       {CursorMode::kHidden, "1"},
                                                       {CursorMode::kEmbedded, "2"},
                                                       {CursorMode::kMetadata, "4"}};
  for (const auto& [mode, bits] : wishes) {
    PortalCast cast({.cursor = mode});
    const auto grant = cast.open({}, endings_.listener());
    ASSERT_TRUE(grant) << grant.error().describe();
    EXPECT_EQ(grant->cursor_beside, mode == CursorMode::kMetadata);
    const std::string said = backend_says();
    EXPECT_TRUE(said.starts_with(std::string("asked types=7 cursor=") + bits)) << said;
    (void)backend_says();  // a dialog, or what was allowed before
    cast.end();
    EXPECT_EQ(backend_says(), "session closed");
  }
}

TEST_F(PortalTest, TakesThePointerBesideThePictureWhereThePortalHasNothingElse) {
  start_portal({"--cursors", "5"});
  PortalCast cast({});
  const auto grant = cast.open({}, endings_.listener());
  ASSERT_TRUE(grant) << grant.error().describe();
  EXPECT_EQ(backend_says(), "asked types=7 cursor=4 persist=2 restore=no");
  EXPECT_TRUE(grant->cursor_beside);
}

TEST_F(PortalTest, SaysWhereAPortalTellsNothingOfThePointer) {
  start_portal({"--cursors", "3"});
  PortalCast cast({.cursor = CursorMode::kMetadata});
  const auto refused = cast.open({}, endings_.listener());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
}

TEST_F(PortalTest, AsksForTheKindThatWasNamed) {
  start_portal();
  PortalCast cast({.type = PortalSourceType::kWindow});
  const auto grant = cast.open({}, endings_.listener());
  ASSERT_TRUE(grant) << grant.error().describe();
  EXPECT_EQ(grant->description, "desktop portal (window)");
  EXPECT_EQ(backend_says(), "asked types=2 cursor=2 persist=2 restore=no");
}

TEST_F(PortalTest, AsksOnceAndRemembers) {
  start_portal();
  const fs::path file = state() / "portal-token-any";
  for (const char* expected : {"dialog", "restored", "restored"}) {
    PortalCast cast({});
    const auto grant = cast.open({}, endings_.listener());
    ASSERT_TRUE(grant) << grant.error().describe();
    EXPECT_TRUE(backend_says().starts_with("asked "));
    EXPECT_EQ(backend_says(), expected);
    struct stat about{};
    ASSERT_EQ(::stat(file.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_GT(about.st_size, 30) << "x-d-p's tokens are UUIDs";
    cast.end();
    EXPECT_EQ(backend_says(), "session closed");
  }
  // What was chosen as any source says nothing about windows.
  PortalCast window({.type = PortalSourceType::kWindow});
  ASSERT_TRUE(window.open({}, endings_.listener()));
  EXPECT_TRUE(backend_says().ends_with("restore=no"));
}

TEST_F(PortalTest, EachHostRemembersForItself) {
  start_portal();
  for (const char* expected : {"dialog", "restored"}) {
    for (const char* host : {"", "couch"}) {
      PortalCast cast({.host = host});
      const auto grant = cast.open({}, endings_.listener());
      ASSERT_TRUE(grant) << grant.error().describe();
      EXPECT_TRUE(backend_says().starts_with("asked "));
      EXPECT_EQ(backend_says(), expected) << host;
      cast.end();
      EXPECT_EQ(backend_says(), "session closed");
    }
  }
  EXPECT_TRUE(fs::exists(state() / "portal-token-any"));
  EXPECT_TRUE(fs::exists(state() / "portal-token-any-couch"));
}

TEST_F(PortalTest, AStaleTokenBringsTheDialogAgain) {
  start_portal({"--restore", "refuse"});
  for (unsigned i = 0; i < 2; ++i) {
    PortalCast cast({});
    const auto grant = cast.open({}, endings_.listener());
    ASSERT_TRUE(grant) << grant.error().describe();
    EXPECT_TRUE(backend_says().ends_with(i == 0 ? "restore=no" : "restore=yes"));
    EXPECT_EQ(backend_says(), "dialog");
    cast.end();
    EXPECT_EQ(backend_says(), "session closed");
  }
}

TEST_F(PortalTest, ATokenThatIsNoneIsForgotten) {
  start_portal();
  fs::create_directories(state());
  std::ofstream(state() / "portal-token-any") << "not a token\n";
  fs::permissions(state() / "portal-token-any", fs::perms::owner_read | fs::perms::owner_write);
  PortalCast cast({});
  const auto grant = cast.open({}, endings_.listener());
  ASSERT_TRUE(grant) << grant.error().describe();
  EXPECT_EQ(backend_says(), "asked types=7 cursor=2 persist=2 restore=no");
  EXPECT_EQ(backend_says(), "dialog");
  EXPECT_NE(read(state() / "portal-token-any"), "not a token\n");
}

TEST_F(PortalTest, SaysThatTheUserDeclined) {
  start_portal({"--answer", "decline"});
  PortalCast cast({});
  const auto grant = cast.open({}, endings_.listener());
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(grant.error().message, "sharing the screen was declined");
  EXPECT_FALSE(fs::exists(state() / "portal-token-any"));
}

TEST_F(PortalTest, SaysThatTheDialogFailed) {
  for (const char* answer : {"other", "die", "no-stream"}) {
    start_portal({"--answer", answer});
    PortalCast cast({});
    const auto grant = cast.open({}, endings_.listener());
    ASSERT_FALSE(grant) << answer;
    EXPECT_EQ(grant.error().kind, ErrorKind::kUnsupported) << answer;
    EXPECT_NE(grant.error().hint.find("journalctl"), std::string::npos) << answer;
    portal_.reset();
  }
}

TEST_F(PortalTest, AStopTakesTheDialogAway) {
  start_portal({"--answer", "hang"});
  PortalCast cast({});
  std::stop_source stop;
  std::jthread stopper([&] {
    while (backend_says() != "dialog") {
    }
    stop.request_stop();
  });
  const auto grant = cast.open(stop.get_token(), endings_.listener());
  stopper.join();
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(backend_says(), "taken away");
  EXPECT_EQ(backend_says(), "session closed");
}

TEST_F(PortalTest, ADialogThatTheDesktopTakesAwayIsNoRefusal) {
  start_portal({"--answer", "hang"});
  PortalCast cast({});
  std::jthread desktop([&] {
    while (backend_says() != "dialog") {
    }
    portal_->backend().signal(SIGUSR1);
  });
  const auto grant = cast.open({}, endings_.listener());
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind, ErrorKind::kDeviceLost);
  EXPECT_EQ(grant.error().message, "the desktop took its dialog away");
}

TEST_F(PortalTest, WhoStoppedSharingIsNotOverruled) {
  start_portal();
  PortalCast cast({});
  ASSERT_TRUE(cast.open({}, endings_.listener()));
  portal_->backend().signal(SIGUSR1);
  EXPECT_EQ(endings_.await(), "the desktop ended the screen cast");
  const auto again = cast.open({}, endings_.listener());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kCancelled);
  EXPECT_FALSE(fs::exists(state() / "portal-token-any"));
  EXPECT_EQ(endings_.all().size(), 1U);
}

/// Looks like a compositor to who only connects, for as long as this lives.
class SilentCompositor {
 public:
  explicit SilentCompositor(const fs::path& folder) : path_(folder / "wayland-silent") {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path_.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    socket_ = UniqueFd::take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(socket_.borrow(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(socket_.borrow(), 8), 0);
    ::setenv("WAYLAND_DISPLAY", path_.c_str(), 1);
  }
  SilentCompositor(const SilentCompositor&) = delete;
  ~SilentCompositor() {
    ::unsetenv("WAYLAND_DISPLAY");
    fs::remove(path_);
  }

 private:
  fs::path path_;
  UniqueFd socket_;
};

TEST_F(PortalTest, WhoStoppedSharingIsNotOverruledWhileTheCompositorLives) {
  const SilentCompositor compositor(session_->dir());
  start_portal();
  PortalCast cast({});
  ASSERT_TRUE(cast.open({}, endings_.listener()));
  portal_->backend().signal(SIGUSR1);
  EXPECT_EQ(endings_.await(), "the desktop ended the screen cast");
  EXPECT_FALSE(cast.open({}, endings_.listener()));
  EXPECT_FALSE(fs::exists(state() / "portal-token-any"));
}

// Whoever streams the node sees it go, and ends the cast, before the portal has said why.
TEST_F(PortalTest, TheUsersWishIsHeardThoughTheNodeWentFirst) {
  start_portal();
  PortalCast cast({});
  ASSERT_TRUE(cast.open({}, endings_.listener()));
  std::thread streamer([&cast] { cast.end(); });
  std::this_thread::sleep_for(Milliseconds(50));
  portal_->backend().signal(SIGUSR1);
  streamer.join();
  const auto again = cast.open({}, endings_.listener());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kCancelled);
  EXPECT_FALSE(fs::exists(state() / "portal-token-any"));
}

TEST_F(PortalTest, TheNodesEndDoesNotHurryWhatTellsOfTheCompositors) {
  auto compositor = std::make_unique<SilentCompositor>(session_->dir());
  start_portal();
  PortalCast cast({});
  ASSERT_TRUE(cast.open({}, endings_.listener()));
  backend_says();
  EXPECT_EQ(backend_says(), "dialog");
  portal_->backend().signal(SIGUSR1);
  EXPECT_EQ(backend_says(), "stopped sharing");
  std::thread streamer([&cast] { cast.end(); });
  std::this_thread::sleep_for(Milliseconds(200));
  compositor.reset();
  streamer.join();
  const auto again = cast.open({}, endings_.listener());
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_TRUE(backend_says().ends_with("restore=yes"));
}

TEST_F(PortalTest, WhoNeedsTheCastNoMoreWaitsForNothing) {
  start_portal();
  PortalCast cast({});
  std::stop_source source;
  ASSERT_TRUE(cast.open(source.get_token(), endings_.listener()));
  source.request_stop();
  const auto begin = std::chrono::steady_clock::now();
  cast.end();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, Milliseconds(200));
}

TEST_F(PortalTest, ACompositorThatWentIsNoWishOfTheUsers) {
  for (const bool compositor_first : {true, false}) {
    auto compositor = std::make_unique<SilentCompositor>(session_->dir());
    start_portal();
    PortalCast cast({});
    ASSERT_TRUE(cast.open({}, endings_.listener()));
    backend_says();
    EXPECT_EQ(backend_says(), "dialog");
    if (compositor_first) compositor.reset();
    portal_->backend().signal(SIGUSR1);
    EXPECT_EQ(backend_says(), "stopped sharing");
    if (!compositor_first) {
      std::this_thread::sleep_for(Milliseconds(200));
      EXPECT_TRUE(endings_.all().empty()) << "it waits for what the compositor does";
      compositor.reset();
    }
    EXPECT_EQ(endings_.await(), "the compositor went away");
    const auto again = cast.open({}, endings_.listener());
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_TRUE(backend_says().ends_with("restore=yes"));
    EXPECT_EQ(backend_says(), "restored");
    EXPECT_EQ(endings_.all().size(), 1U);
    endings_.clear();
    cast.end();
    portal_.reset();
    fs::remove_all(state());
  }
}

TEST_F(PortalTest, TellsThatThePortalDiedAndAsksTheNextOne) {
  start_portal();
  PortalCast cast({});
  ASSERT_TRUE(cast.open({}, endings_.listener()));
  portal_->kill_portal();
  EXPECT_EQ(endings_.await(), "the desktop portal went away");
  const auto nobody = cast.open({}, endings_.listener());
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().message, "no desktop portal runs on the session bus");
  const auto back = portal_->start_portal();
  ASSERT_TRUE(back) << back.error().describe();
  const auto again = cast.open({}, endings_.listener());
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(endings_.all().size(), 1U);
}

TEST_F(PortalTest, SaysWhatIsMissing) {
  const auto refusal = [this](PortalSettings settings) {
    PortalCast cast(settings);
    auto grant = cast.open({}, endings_.listener());
    EXPECT_FALSE(grant);
    return grant ? Error{} : grant.error();
  };
  const Error none = refusal({});
  EXPECT_EQ(none.kind, ErrorKind::kUnsupported);
  EXPECT_EQ(none.message, "no desktop portal runs on the session bus");
  EXPECT_NE(none.hint.find("install xdg-desktop-portal"), std::string::npos) << none.hint;

  start_portal({}, Portal::Backend::kNone);
  const Error no_backend = refusal({});
  EXPECT_EQ(no_backend.kind, ErrorKind::kUnsupported);
  EXPECT_EQ(no_backend.message, "this desktop's portal shares no screens");
  EXPECT_NE(no_backend.hint.find("xdg-desktop-portal-kde"), std::string::npos) << no_backend.hint;
  portal_.reset();

  start_portal({}, Portal::Backend::kIsAway);
  const Error away = refusal({});
  EXPECT_EQ(away.kind, ErrorKind::kNotFound) << "it may come";
  EXPECT_NE(away.hint.find("xdg-desktop-portal-kde"), std::string::npos) << away.hint;
  portal_.reset();

  start_portal({"--types", "3"});
  const Error no_virtual = refusal({.type = PortalSourceType::kVirtual});
  EXPECT_EQ(no_virtual.kind, ErrorKind::kUnsupported);
  EXPECT_EQ(no_virtual.describe(),
            "this desktop's portal shares no virtual (it has: monitor, window)");
}

TEST_F(PortalTest, DoctorSaysWhatIsMissingThoughThePortalRuns) {
  start_portal({}, Portal::Backend::kNone);
  const nlohmann::json without = doctor_finding(*session_, "portal");
  EXPECT_EQ(without.value("verdict", ""), "note") << without;
  EXPECT_NE(without.value("advice", "").find("xdg-desktop-portal-kde"), std::string::npos)
      << without;
  portal_.reset();

  start_portal();
  EXPECT_EQ(doctor_finding(*session_, "portal").value("verdict", ""), "good");
}

TEST_F(PortalTest, SaysThatThereIsNoBus) {
  const std::string address = session_->env().at("DBUS_SESSION_BUS_ADDRESS");
  const std::string runtime = session_->env().at("XDG_RUNTIME_DIR");
  PortalCast cast({});
  ::setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  const auto dead = cast.open({}, endings_.listener());
  ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
  ::unsetenv("XDG_RUNTIME_DIR");
  const auto unnamed = cast.open({}, endings_.listener());
  ::setenv("DBUS_SESSION_BUS_ADDRESS", address.c_str(), 1);
  ::setenv("XDG_RUNTIME_DIR", runtime.c_str(), 1);
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().kind, ErrorKind::kNotFound) << "it may come: " << dead.error().describe();
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().kind, ErrorKind::kUnsupported) << unnamed.error().describe();
  EXPECT_NE(unnamed.error().hint.find("DBUS_SESSION_BUS_ADDRESS"), std::string::npos);
}

/// The numbers of the pictures in a recording.
std::vector<std::uint32_t> numbers_in(const std::string& path) {
  std::vector<std::uint32_t> numbers;
  const auto video = decode_video(path, [&](DecodedFrame&& frame) {
    const auto number = barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
    EXPECT_TRUE(number) << "picture " << frame.index;
    if (number) numbers.push_back(*number);
  });
  EXPECT_TRUE(video) << video.error().describe();
  return numbers;
}

void expect_moving(const std::vector<std::uint32_t>& numbers, std::size_t least) {
  EXPECT_TRUE(std::ranges::is_sorted(numbers));
  const std::set<std::uint32_t> distinct(numbers.begin(), numbers.end());
  EXPECT_GE(distinct.size(), least);
}

TEST_F(PortalTest, AHostRecordsWhatIsSharedAndAsksOnce) {
  start_portal();
  for (const char* expected : {"dialog", "restored"}) {
    const std::string path = (session_->dir() / expected).string() + ".mkv";
    auto host =
        Host::start(*session_, {"--source", "portal", "--frames", "45", "--sink", "file:" + path});
    ASSERT_TRUE(host) << host.error().describe();
    ASSERT_EQ(host->exit_code(kPatience), 0) << host->process().log_text();
    EXPECT_TRUE(backend_says().starts_with("asked types=7 cursor=2"));
    EXPECT_EQ(backend_says(), expected);
    EXPECT_EQ(backend_says(), "session closed");
    expect_moving(numbers_in(path), 40);
  }
}

TEST_F(PortalTest, ASecondHostLeavesTheFirstOnesConsentAlone) {
  start_portal();
  auto first = Host::start(*session_, {"--source", "synthetic", "--audio", "off", "--sink",
                                       "file:/dev/null?format=mkv"});
  ASSERT_TRUE(first) << first.error().describe();
  ASSERT_TRUE(first->status(kPatience)) << first->process().log_text();
  auto second = Host::start(*session_, {"--source", "portal", "--audio", "off", "--frames", "5",
                                        "--sink", "file:/dev/null?format=mkv"});
  ASSERT_TRUE(second) << second.error().describe();
  EXPECT_EQ(second->exit_code(kPatience), 0) << second->process().log_text();
  EXPECT_TRUE(fs::exists(state() / "portal-token-any-host-2"));
  EXPECT_FALSE(fs::exists(state() / "portal-token-any"));
  EXPECT_EQ(first->interrupt(), 0);
}

TEST_F(PortalTest, AHostGoesOnWithTheNextPortal) {
  start_portal();
  const std::string path = (session_->dir() / "next.mkv").string();
  auto host = Host::start(*session_, {"--source", "portal:monitor", "--sink", "file:" + path});
  ASSERT_TRUE(host) << host.error().describe();
  const auto captured = [](const nlohmann::json& status) {
    return status["frames"]["captured"].get<unsigned>();
  };
  const auto before =
      host->await(kPatience, [&](const auto& status) { return captured(status) > 0; });
  ASSERT_TRUE(before) << host->process().log_text();
  portal_->kill_portal();
  const auto waiting =
      host->await(kPatience, [](const auto& status) { return status["state"] == "reconnecting"; });
  ASSERT_TRUE(waiting) << host->process().log_text();
  const auto back = portal_->start_portal();
  ASSERT_TRUE(back) << back.error().describe();
  const auto again = host->await(kPatience, [&](const auto& status) {
    return status["reconnects"] == 1 && captured(status) > captured(*waiting) + 20;
  });
  ASSERT_TRUE(again) << host->process().log_text();
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  expect_moving(numbers_in(path), 20 + captured(*before));
}

TEST_F(PortalTest, AHostEndsWhenTheUserSaysSo) {
  start_portal({"--answer", "decline"});
  auto declined =
      Host::start(*session_, {"--source", "portal", "--sink", "file:/dev/null?format=mkv"});
  ASSERT_TRUE(declined) << declined.error().describe();
  EXPECT_EQ(declined->exit_code(kPatience), 12);
  const std::string text = declined->process().log_text();
  EXPECT_NE(text.find("sharing the screen was declined (start lumen again"), std::string::npos)
      << text;
  portal_.reset();

  start_portal();
  auto stopped =
      Host::start(*session_, {"--source", "portal", "--sink", "file:/dev/null?format=mkv"});
  ASSERT_TRUE(stopped) << stopped.error().describe();
  ASSERT_TRUE(stopped->await(kPatience, [](const nlohmann::json& status) {
    return status["state"] == "streaming";
  })) << stopped->process().log_text();
  portal_->backend().signal(SIGUSR1);
  EXPECT_EQ(stopped->exit_code(kPatience), 12);
  EXPECT_NE(stopped->process().log_text().find("the desktop ended the screen cast"),
            std::string::npos);
}

}  // namespace
}  // namespace lumen::session
