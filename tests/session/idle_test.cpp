// Nobody watches: the compositor's stream is paused and the host sleeps. Somebody comes: pictures
// flow at once.
#include <unistd.h>

#include "free_port.h"
#include "harness/compositor.h"
#include "host.h"
#include "in_session.h"
#include "sound_fixture.h"

namespace lumen::session {
namespace {

// Chromium's, shortened: the connection will never be made, but somebody has come.
constexpr const char* kOffer =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 108\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=rtcp-mux\r\na=fingerprint:sha-256 "
    "0F:3B:70:2C:86:5B:AA:01:23:45:67:89:AB:CD:EF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
    "42\r\na=recvonly\r\na=rtpmap:108 H264/90000\r\na=fmtp:108 "
    "packetization-mode=1;profile-level-id=42e01f\r\n";

class Idle : public InSession {
 protected:
  void SetUp() override {
    if (!find_program("curl")) GTEST_SKIP() << "curl isn't installed";
    InSession::SetUp();
  }

  Process produce() {
    auto process = session->spawn(
        {LUMEN_TEST_PRODUCER, "--name", "screen", "--size", "640x360", "--fps", "30"},
        StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(10000)));
    return std::move(*process);
  }
  /// As a service runs it: no terminal, no --stats json.
  Result<Process> serve(const std::string& source, std::vector<std::string> more = {}) {
    std::vector<std::string> argv = {LUMEN_HOST_BINARY, "stream", "--no-config", "--verbose",
                                     "--source",        source,   "--sink",      page_sink()};
    argv.insert(argv.end(), more.begin(), more.end());
    return session->spawn(argv);
  }
  static std::string page_sink() { return "web:127.0.0.1:" + free_port(); }
  static std::string url() { return "http://127.0.0.1:" + free_port(); }

  /// Somebody opens the page; where its session is.
  Result<std::string> come() {
    auto answer =
        session->output_of({"curl", "-s", "-S", "-i", "-H", "Content-Type: application/sdp",
                            "--data-binary", kOffer, url() + "/whep"});
    if (!answer) return answer;
    const auto at = answer->find("Location: ");
    if (at == std::string::npos) return fail(ErrorKind::kIo, *answer);
    const auto begin = at + std::string_view("Location: ").size();
    return answer->substr(begin, answer->find('\r', begin) - begin);
  }
  void leave(const std::string& location) {
    EXPECT_TRUE(session->output_of({"curl", "-s", "-X", "DELETE", url() + location}));
  }
  nlohmann::json status() {
    const auto text = session->output_of({"curl", "-s", url() + "/status"});
    auto parsed = nlohmann::json::parse(text.value_or(""), nullptr, false);
    return parsed.is_object() ? parsed : nlohmann::json::object();
  }
  bool pictures_come() {
    const auto now_is = status();
    return now_is.value("state", "") == "streaming" &&
           now_is.value("/fps/captured"_json_pointer, 0.0) > 0;
  }
  static bool says(Process& host, const std::string& text, Milliseconds timeout) {
    return eventually(timeout, [&] { return host.log_text().find(text) != std::string::npos; });
  }

  struct Use {
    double cpu_share = 0;  // of one core
    double wake_ups_a_second = 0;
  };
  static Use use_of(const Process& host, std::chrono::seconds time) {
    const double cpu = host.cpu_seconds();
    const std::uint64_t wake_ups = host.wake_ups();
    std::this_thread::sleep_for(time);
    const auto seconds = static_cast<double>(time.count());
    return {(host.cpu_seconds() - cpu) / seconds,
            static_cast<double>(host.wake_ups() - wake_ups) / seconds};
  }
  static void expect_asleep(const Process& host) {
    // WirePlumber suspends what idles for five seconds, which is news.
    std::this_thread::sleep_for(std::chrono::seconds(7));
    const Use use = use_of(host, std::chrono::seconds(5));
    RecordProperty("idle_cpu_percent", std::to_string(100 * use.cpu_share));
    RecordProperty("idle_wake_ups", std::to_string(use.wake_ups_a_second));
    std::cerr << "idle: " << 100 * use.cpu_share << "% of one core, " << use.wake_ups_a_second
              << " wake-ups a second\n";
    EXPECT_LE(use.cpu_share, 0.005);
    // A handful in ten seconds is somebody else's doing: a timer would wake it as often each
    // second.
    EXPECT_LE(use.wake_ups_a_second, 0.5);
  }
};

TEST_F(Idle, WhereNobodyWatchesTheSourceIsPausedAndTheHostSleeps) {
  plug_in_sink(*session, "speakers");
  auto producer = produce();
  auto host = serve("node:screen");
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(producer.read_value("streaming ", Milliseconds(20000))) << host->log_text();
  ASSERT_TRUE(producer.read_value("paused", Milliseconds(20000))) << host->log_text();
  EXPECT_TRUE(eventually(Milliseconds(5000), [&] { return status()["state"] == "idle"; }))
      << status().dump();
  expect_asleep(*host);

  const auto viewer = come();
  ASSERT_TRUE(viewer) << viewer.error().describe();
  EXPECT_TRUE(producer.read_value("streaming ", Milliseconds(1000))) << host->log_text();
  EXPECT_TRUE(eventually(Milliseconds(3000), [&] { return status()["state"] == "streaming"; }))
      << status().dump();
  leave(*viewer);
  EXPECT_TRUE(producer.read_value("paused", Milliseconds(20000))) << host->log_text();
  expect_asleep(*host);
  host->signal(SIGINT);
  const auto ending = host->wait(Milliseconds(10000));
  ASSERT_TRUE(ending);
  EXPECT_TRUE(ending->clean()) << to_string(*ending) << host->log_text();
}

TEST_F(Idle, ASourceThatComesBackWhileNobodyWatchesStaysPaused) {
  std::optional<Process> producer = produce();
  auto host = serve("node:screen");
  ASSERT_TRUE(host) << host.error().describe();
  // The producer's own "paused" may be PipeWire 0.3.65's, see below.
  ASSERT_TRUE(says(*host, "nobody watches", Milliseconds(20000))) << host->log_text();
  producer->kill();
  ASSERT_TRUE(says(*host, "to come back", Milliseconds(10000))) << host->log_text();
  producer = produce();
  EXPECT_FALSE(producer->read_value("streaming ", Milliseconds(3000))) << "nobody looks";
  const auto viewer = come();
  ASSERT_TRUE(viewer) << viewer.error().describe();
  EXPECT_TRUE(producer->read_value("streaming ", Milliseconds(2000))) << host->log_text();
}

TEST_F(Idle, ARecordingIsSomebodyWhoWatches) {
  auto producer = produce();
  auto host = serve("node:screen", {"--sink", "file:" + (session->dir() / "out.mkv").string()});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(eventually(Milliseconds(20000), [&] { return pictures_come(); })) << host->log_text();
  // A pause before that is PipeWire 0.3.65's: where both ends negotiate at once it may hand out
  // buffers that nobody can use, and lumen asks for others.
  while (producer.read_value("paused", Milliseconds(1))) {
  }
  EXPECT_FALSE(producer.read_value("paused", Milliseconds(6000))) << host->log_text();
}

class IdleCompositor : public Idle, public testing::WithParamInterface<CompositorKind> {};

// Its screen moves all the time, but for Mutter's, which is still.
TEST_P(IdleCompositor, CostsNothingWhileNobodyWatchesAndShowsItselfToWhoComes) {
  auto compositor = Compositor::start(GetParam(), *session, {.size = {1280, 720}, .fps = 60});
  if (!compositor && compositor.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << compositor.error().describe();
  }
  ASSERT_TRUE(compositor) << compositor.error().describe();
  const bool still = GetParam() == CompositorKind::kMutter;
  if (!still) {
    const auto client = (*compositor)->start_client({LUMEN_PATTERN_CLIENT, "lumen test pattern"});
    ASSERT_TRUE(client) << client.error().describe();
  }
  const auto node = (*compositor)->stream(still ? "" : "lumen test pattern");
  if (!node && node.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << node.error().describe();
  }
  ASSERT_TRUE(node) << node.error().describe();
  auto host = serve("node:id=" + std::to_string(*node));
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(says(*host, "nobody watches", Milliseconds(20000))) << host->log_text();
  expect_asleep(*host);
  const auto viewer = come();
  ASSERT_TRUE(viewer) << viewer.error().describe();
  EXPECT_TRUE(eventually(Milliseconds(3000), [&] { return pictures_come(); }))
      << status().dump() << host->log_text();
}

INSTANTIATE_TEST_SUITE_P(Real, IdleCompositor,
                         testing::Values(CompositorKind::kMutter, CompositorKind::kKwin,
                                         CompositorKind::kWeston),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

}  // namespace
}  // namespace lumen::session
