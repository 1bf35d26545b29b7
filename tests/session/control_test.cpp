// A running host is asked and changed: over its socket, over the session bus, by SIGHUP, and by
// systemd's notification protocol.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "capture/synthetic/barcode.h"
#include "doctor.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"
#include "tests/support/udp_receiver.h"

namespace lumen::session {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr Milliseconds kPatience{30000};

struct Answer {
  int code = -1;
  std::string output;  // standard output
  std::string errors;
};

class Control : public InSession {
 protected:
  std::string file(const std::string& name) const { return (session->dir() / name).string(); }
  fs::path socket(const std::string& name) const {
    return session->runtime_dir() / "lumen" / (name + ".sock");
  }

  Host start(std::vector<std::string> more, const Environment& env = {}) {
    std::vector<std::string> args = {"--source", "synthetic:320x180@30", "--bitrate", "2M"};
    args.insert(args.end(), more.begin(), more.end());
    auto host = Host::start(*session, args, env);
    EXPECT_TRUE(host) << host.error().describe();
    EXPECT_TRUE(streams(*host)) << host->process().log_text();
    return std::move(*host);
  }
  static bool streams(Host& host) {
    return host
        .await(kPatience, [](const json& s) { return s["frames"]["encoded"].get<int>() > 5; })
        .has_value();
  }

  Answer run(std::vector<std::string> args, const Environment& env = {}) {
    args.insert(args.begin(), LUMEN_HOST_BINARY);
    auto process = session->spawn(args, StandardOutput::kPipe, env);
    if (!process) return {};
    Answer answer;
    answer.output = process->read_all(kPatience).value_or("");
    const auto ending = process->wait(kPatience);
    answer.code = ending && ending->signal == 0 ? ending->code : -1;
    answer.errors = process->log_text();
    return answer;
  }
  json status(std::vector<std::string> more = {}, const Environment& env = {}) {
    more.insert(more.begin(), {"status", "--json"});
    const Answer answer = run(more, env);
    EXPECT_EQ(answer.code, 0) << answer.errors;
    auto parsed = json::parse(answer.output, nullptr, false);
    return parsed.is_object() ? parsed : json::object();
  }
  template <typename Condition>
  bool eventually_status(Condition condition) {
    return eventually(kPatience, [&] { return condition(status()); });
  }
  void wait_for_frames(const char* sink, int count) {
    EXPECT_TRUE(eventually_status([&](const json& s) {
      return std::ranges::any_of(s["sinks"], [&](const json& one) {
        return one["name"].get<std::string>().find(sink) != std::string::npos &&
               one["frames"].get<int>() >= count;
      });
    })) << sink;
  }

  /// The pictures' numbers; every picture has to decode, and to be the one after the last.
  void expect_plays(const std::string& path, std::size_t least, const std::string& codec) {
    std::vector<std::uint32_t> numbers;
    const auto video = decode_video(path, [&](DecodedFrame&& frame) {
      const auto number =
          barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
      ASSERT_TRUE(number) << "frame " << frame.index;
      numbers.push_back(*number);
    });
    ASSERT_TRUE(video) << video.error().describe();
    EXPECT_EQ(video->errors, 0U) << path;
    EXPECT_EQ(video->codec, codec) << path;
    EXPECT_GE(numbers.size(), least) << path;
    for (std::size_t i = 1; i < numbers.size(); ++i) {
      // The machine may be too busy for some; none may come twice or torn.
      EXPECT_GT(numbers[i], numbers[i - 1]) << path;
    }
  }
};

TEST_F(Control, StatusComesOverTheSocketAndOverTheBus) {
  auto host = start({"--sink", "file:" + file("a.mp4")});
  const json by_socket = status();
  EXPECT_EQ(by_socket["state"], "streaming");
  EXPECT_EQ(by_socket["encoder"], "libx264");
  EXPECT_EQ(by_socket["sinks"][0]["id"], 1);
  const Environment no_socket = {{"XDG_RUNTIME_DIR", session->dir() / "nowhere"}};
  const json by_bus = status({}, no_socket);
  EXPECT_EQ(by_bus["sinks"][0]["name"], by_socket["sinks"][0]["name"]);
  EXPECT_EQ(run({"ctl", "bitrate", "1M"}, no_socket).code, 0);
  EXPECT_EQ(status()["bitrate_bps"]["target"], 1'000'000);

  const auto bus = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"busctl", "--user", "--json=short"});
    return session->output_of(args).value_or("");
  };
  const std::string name = "io.github.lumen.Host1";
  const std::string path = "/io/github/lumen/Host1";
  EXPECT_NE(bus({"introspect", name, path, name}).find("AddSink"), std::string::npos);
  EXPECT_NE(bus({"get-property", name, path, name, "State"}).find("streaming"), std::string::npos);
  EXPECT_NE(bus({"call", name, path, name, "AddSink", "s", "file:" + file("b.mkv")}).find("[2]"),
            std::string::npos);
  wait_for_frames("b.mkv", 10);
  EXPECT_NE(bus({"get-property", name, path, name, "Sinks"}).find("b.mkv"), std::string::npos);
  EXPECT_EQ(bus({"call", name, path, name, "RemoveSink", "u", "9"}), "") << "an error";

  const Answer view = run({"status"});
  EXPECT_NE(view.output.find("libx264"), std::string::npos) << view.output;
  EXPECT_EQ(run({"stop"}).code, 0);
  EXPECT_EQ(host.exit_code(kPatience), 0) << host.process().log_text();
  expect_plays(file("b.mkv"), 10, "h264");
  EXPECT_FALSE(fs::exists(socket("host")));
  EXPECT_EQ(run({"status"}).code, 9) << "nobody runs";
}

TEST_F(Control, PropertiesTellWhenTheyChange) {
  auto host = start({"--sink", "file:" + file("a.mp4")});
  auto monitor = session->spawn({"busctl", "--user", "monitor", "io.github.lumen.Host1"});
  ASSERT_TRUE(monitor);
  ASSERT_TRUE(eventually(kPatience, [&] {
    return monitor->log_text().find("Monitoring") != std::string::npos;
  })) << monitor->log_text();
  EXPECT_EQ(run({"ctl", "bitrate", "1M"}).code, 0);
  EXPECT_TRUE(eventually(kPatience, [&] {
    const std::string log = monitor->log_text();
    return log.find("PropertiesChanged") != std::string::npos &&
           log.find("1000000") != std::string::npos;
  })) << monitor->log_text();
  EXPECT_EQ(host.interrupt(), 0);
}

TEST_F(Control, SinksComeAndGoAndTheOthersDoNotNotice) {
  auto host = start({"--sink", "file:" + file("a.mp4")});
  EXPECT_EQ(run({"ctl", "add-sink", "file:" + file("b.mp4")}).output, "sink 2\n");
  wait_for_frames("b.mp4", 30);
  EXPECT_EQ(run({"ctl", "key-frame"}).code, 0);
  EXPECT_EQ(run({"ctl", "remove-sink", "2"}).code, 0);
  expect_plays(file("b.mp4"), 30, "h264");  // complete, though the host goes on
  EXPECT_EQ(status()["sinks"].size(), 1U);
  EXPECT_EQ(run({"ctl", "remove-sink", "2"}).code, 10) << "it is gone";
  EXPECT_EQ(run({"ctl", "add-sink", "file:/proc/x.mp4"}).code, 10);
  EXPECT_EQ(run({"ctl", "add-sink", "srt:x"}).code, 2);
  const int before = status()["frames"]["encoded"];
  EXPECT_TRUE(eventually_status(
      [&](const json& s) { return s["frames"]["encoded"].get<int>() > before + 10; }));
  EXPECT_EQ(host.interrupt(), 0) << host.process().log_text();
  expect_plays(file("a.mp4"), 60, "h264");
}

TEST_F(Control, ANewCodecEndsRecordingsWellAndSessionDescriptionsAreMadeAnew) {
  auto ports = test::ReceiverPair::make();
  const std::string port = std::to_string(ports.rtp.port());
  auto host = start({"--sink", "file:" + file("a.mp4"), "--sink", "rtp:127.0.0.1:" + port, "--sdp",
                     file("x.sdp")});
  const Answer changed = run({"ctl", "codec", "hevc"});
  EXPECT_EQ(changed.code, 0) << changed.errors;
  EXPECT_NE(changed.output.find("a.mp4"), std::string::npos) << "who was ended is told";
  EXPECT_TRUE(eventually_status([](const json& s) { return s["codec"] == "hevc"; }));
  expect_plays(file("a.mp4"), 5, "h264");
  EXPECT_TRUE(eventually(kPatience, [&] {
    std::ifstream sdp(file("x.sdp"));
    const std::string text{std::istreambuf_iterator<char>(sdp), {}};
    return text.find("H265") != std::string::npos;
  }));
  EXPECT_EQ(run({"ctl", "add-sink", "file:" + file("b.mkv")}).code, 0);
  wait_for_frames("b.mkv", 20);
  const json now_is = status();
  EXPECT_TRUE(std::ranges::any_of(now_is["events"], [](const json& event) {
    return event["kind"] == "sender_stopped" && event["reason"] == "codec_changed";
  })) << now_is["events"];
  EXPECT_EQ(host.interrupt(), 0) << host.process().log_text();
  expect_plays(file("b.mkv"), 20, "hevc");
}

TEST_F(Control, AnotherSizeAndBackAgain) {
  auto ports = test::ReceiverPair::make();
  auto host = start({"--sink", "rtp:127.0.0.1:" + std::to_string(ports.rtp.port())});
  EXPECT_EQ(run({"ctl", "size", "160x90"}).code, 0);
  EXPECT_TRUE(eventually_status([](const json& s) { return s["width"] == 160; }));
  EXPECT_EQ(run({"ctl", "size", "640x360"}).code, 0) << "larger than at the start";
  EXPECT_TRUE(eventually_status([](const json& s) { return s["width"] == 640; }));
  EXPECT_EQ(run({"ctl", "add-sink", "file:" + file("a.mp4")}).code, 0);
  wait_for_frames("a.mp4", 10);
  EXPECT_EQ(host.interrupt(), 0) << host.process().log_text();
  const auto video = decode_video(file("a.mp4"), [](DecodedFrame&&) {});
  ASSERT_TRUE(video);
  EXPECT_EQ(video->size, (Extent{640, 360}));
  EXPECT_EQ(video->errors, 0U);
}

TEST_F(Control, NothingIsSentWhileItIsStopped) {
  auto ports = test::ReceiverPair::make();
  auto host = start({"--sink", "rtp:127.0.0.1:" + std::to_string(ports.rtp.port())});
  EXPECT_EQ(run({"ctl", "stop"}).code, 0);
  EXPECT_EQ(status()["state"], "paused");
  (void)ports.rtp.drain();
  const int encoded = status()["frames"]["encoded"];
  std::this_thread::sleep_for(std::chrono::seconds(2));  // repeats would come twice a second
  EXPECT_EQ(status()["frames"]["encoded"], encoded);
  EXPECT_TRUE(ports.rtp.drain().empty());
  EXPECT_EQ(run({"ctl", "start"}).code, 0);
  EXPECT_TRUE(eventually_status(
      [&](const json& s) { return s["frames"]["encoded"].get<int>() > encoded + 10; }));
  EXPECT_EQ(status()["state"], "streaming");
  EXPECT_EQ(host.interrupt(), 0) << host.process().log_text();
}

TEST_F(Control, TwoHostsHaveTwoNames) {
  auto first = start({"--sink", "file:" + file("a.mp4")});
  auto second = start({"--sink", "file:" + file("b.mp4")});
  auto third = start({"--sink", "file:" + file("c.mp4"), "--name", "couch"});
  const Answer which = run({"status"});
  EXPECT_EQ(which.code, 2);
  EXPECT_NE(which.errors.find("couch, host, host-2"), std::string::npos) << which.errors;
  EXPECT_NE(status({"--name", "couch"})["sinks"][0]["name"].get<std::string>().find("c.mp4"),
            std::string::npos);
  EXPECT_NE(status({"--name", "host-2"})["sinks"][0]["name"].get<std::string>().find("b.mp4"),
            std::string::npos);
  const Answer taken = run({"stream", "--no-config", "--source", "synthetic", "--name", "couch",
                            "--sink", "file:" + file("d.mp4")});
  EXPECT_EQ(taken.code, 2);
  EXPECT_NE(taken.errors.find("a host called 'couch' is running"), std::string::npos);
  EXPECT_EQ(run({"stop", "--name", "couch"}).code, 0);
  EXPECT_EQ(third.exit_code(kPatience), 0);
  second.process().kill();  // as in a crash
  auto again = start({"--sink", "file:" + file("e.mp4"), "--name", "host-2"});
  EXPECT_EQ(again.interrupt(), 0) << again.process().log_text();
  EXPECT_EQ(first.interrupt(), 0) << first.process().log_text();
}

class Raw {
 public:
  explicit Raw(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    fd_ = UniqueFd::take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    (void)::setsockopt(fd_.borrow(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)::setsockopt(fd_.borrow(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (::connect(fd_.borrow(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
        0) {
      fd_.reset();
    }
  }
  bool say(const std::string& text) {
    return ::send(fd_.borrow(), text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  /// A line, or what came before the end.
  std::string hear() {
    std::string line;
    for (char c = 0; ::recv(fd_.borrow(), &c, 1, 0) == 1 && c != '\n';) line += c;
    return line;
  }

 private:
  UniqueFd fd_;
};

TEST_F(Control, BadRequestsDisturbNobody) {
  auto host = start({"--sink", "file:" + file("a.mp4")});
  const std::size_t fds = host.process().fd_count();
  {
    Raw raw(socket("host"));
    for (const char* line :
         {"garbage", "{}", "[[[[", "{\"method\":\"nonsense\"}", "\x01\xff\xfe"}) {
      ASSERT_TRUE(raw.say(std::string(line) + "\n"));
      EXPECT_NE(raw.hear().find("\"ok\":false"), std::string::npos) << line;
    }
    ASSERT_TRUE(raw.say("{\"method\":\"status\",\"tag\":7}\n{\"method\":\"key-frame\"}\n"));
    EXPECT_NE(raw.hear().find("\"tag\":7"), std::string::npos);
    EXPECT_NE(raw.hear().find("\"ok\":true"), std::string::npos);
    Raw huge(socket("host"));
    (void)huge.say(std::string(200'000, 'x'));
    EXPECT_NE(huge.hear().find("too long"), std::string::npos);
    EXPECT_EQ(huge.hear(), "") << "and is sent away";
  }
  {
    std::vector<Raw> silent;  // more than the host keeps
    for (int i = 0; i < 60; ++i) {
      silent.emplace_back(socket("host"));
      (void)silent.back().say("{\"method\":");
    }
    Raw greedy(socket("host"));  // asks without reading
    for (int i = 0; i < 400 && greedy.say("{\"method\":\"status\"}\n"); ++i) {
    }
    EXPECT_EQ(status()["state"], "streaming");
  }
  EXPECT_EQ(status()["state"], "streaming");
  EXPECT_TRUE(eventually(kPatience, [&] { return host.process().fd_count() <= fds + 1; }));
  EXPECT_EQ(host.interrupt(), 0) << host.process().log_text();
}

TEST_F(Control, WithoutABusThereIsTheSocketAndABusThatComesBackIsUsedAgain) {
  const Environment no_bus = {{"DBUS_SESSION_BUS_ADDRESS", "unix:path=" + file("no-bus")}};
  {
    auto host = start({"--sink", "file:" + file("a.mp4")}, no_bus);
    EXPECT_EQ(status({}, no_bus)["state"], "streaming");
    const std::string log = host.process().log_text();
    EXPECT_NE(log.find("the socket alone"), std::string::npos) << log;
    EXPECT_EQ(host.interrupt(), 0);
  }
  std::ifstream original(session->dir() / "config/bus.conf");
  std::string config{std::istreambuf_iterator<char>(original), {}};
  const std::string listen = (session->runtime_dir() / "bus").string();
  config.replace(config.find(listen), listen.size(), file("other-bus"));
  std::ofstream(file("other.conf")) << config;
  const std::vector<std::string> daemon = {"dbus-daemon", "--config-file=" + file("other.conf"),
                                           "--nofork"};
  const std::string address = "unix:path=" + file("other-bus");
  const auto answers = [&] {
    return session
        ->output_of({"busctl", "--address=" + address, "get-property", "io.github.lumen.Host1",
                     "/io/github/lumen/Host1", "io.github.lumen.Host1", "State"})
        .has_value();
  };
  auto bus = session->spawn(daemon);
  ASSERT_TRUE(bus);
  ASSERT_TRUE(eventually(kPatience, [&] { return fs::exists(file("other-bus")); }));
  auto host = start({"--sink", "file:" + file("b.mp4")}, {{"DBUS_SESSION_BUS_ADDRESS", address}});
  EXPECT_TRUE(eventually(kPatience, answers));
  bus->kill();
  EXPECT_TRUE(eventually(kPatience, [&] {
    return host.process().log_text().find("the session bus went away") != std::string::npos;
  }));
  EXPECT_EQ(status()["state"], "streaming");
  fs::remove(file("other-bus"));
  bus = session->spawn(daemon);
  ASSERT_TRUE(bus);
  EXPECT_TRUE(eventually(kPatience, answers)) << host.process().log_text();
  EXPECT_EQ(host.interrupt(), 0) << host.process().log_text();
}

TEST_F(Control, TheConfigurationIsReadAgainAndReceiversKeepTheirStream) {
  auto ports = test::ReceiverPair::make();
  const std::string rtp = "rtp:127.0.0.1:" + std::to_string(ports.rtp.port());
  const std::string config = file("host.toml");
  const auto write = [&](const std::string& text) {
    std::ofstream(config) << "source = \"synthetic:320x180@30\"\n" << text;
  };
  write("sink = \"" + rtp + "\"\nbitrate = \"2M\"\n[setup.tv]\nbitrate = \"3M\"\n");
  auto host = Host::start_as_configured(*session, {"--config", config, "--setup", "tv"});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(streams(*host)) << host->process().log_text();
  EXPECT_EQ(status()["bitrate_bps"]["target"], 3'000'000);
  const auto told = [&](const std::string& words) {
    return eventually(kPatience,
                      [&] { return host->process().log_text().find(words) != std::string::npos; });
  };

  write("sink = [\"" + rtp + "\", \"file:" + file("a.mp4") +
        "\"]\nfps = 20\n[setup.tv]\nbitrate = \"1M\"\n");
  host->process().signal(SIGHUP);
  EXPECT_TRUE(eventually_status([](const json& s) {
    return s["bitrate_bps"]["target"] == 1'000'000 && s["sinks"].size() == 2;
  })) << host->process().log_text();
  EXPECT_TRUE(told("needs a restart, and stays as it is until then: fps"));
  wait_for_frames("a.mp4", 20);

  write("bitrat = 3\n");
  host->process().signal(SIGHUP);
  EXPECT_TRUE(told("unknown key 'bitrat' (did you mean 'bitrate'?); the settings stay"));
  EXPECT_EQ(status()["sinks"].size(), 2U);

  write("sink = \"" + rtp + "\"\n[setup.tv]\nbitrate = \"1M\"\n");
  EXPECT_EQ(run({"ctl", "reload"}).code, 0) << "the same";
  EXPECT_TRUE(eventually_status([](const json& s) { return s["sinks"].size() == 1; }));
  expect_plays(file("a.mp4"), 20, "h264");

  std::set<std::string> streams_seen;
  std::optional<std::uint16_t> last;
  std::size_t gaps = 0;
  for (const auto& packet : ports.rtp.drain()) {
    ASSERT_GE(packet.size(), 12U);
    streams_seen.emplace(packet.begin() + 8, packet.begin() + 12);  // SSRC (RFC 3550)
    const auto number = static_cast<std::uint16_t>(packet[2] << 8 | packet[3]);
    if (last && number != static_cast<std::uint16_t>(*last + 1)) ++gaps;
    last = number;
  }
  EXPECT_EQ(streams_seen.size(), 1U) << "the receiver was made to begin anew";
  EXPECT_EQ(gaps, 0U);
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

/// What systemd would hear.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path) : path_(path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    fd_ = UniqueFd::take(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::bind(fd_.borrow(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      fd_.reset();
    }
  }
  [[nodiscard]] Environment env(const std::string& watchdog_usec) const {
    return {{"NOTIFY_SOCKET", path_}, {"WATCHDOG_USEC", watchdog_usec}};
  }
  /// Everything said so far, one message a line.
  const std::string& heard() {
    std::array<char, 4096> text{};
    for (ssize_t size = 0; (size = ::recv(fd_.borrow(), text.data(), text.size(), 0)) > 0;) {
      heard_ += std::string(text.data(), static_cast<std::size_t>(size)) + "\n";
    }
    return heard_;
  }
  bool hears(const std::string& words, std::size_t from = 0) {
    return eventually(kPatience, [&] { return heard().find(words, from) != std::string::npos; });
  }

 private:
  std::string path_;
  UniqueFd fd_;
  std::string heard_;
};

std::size_t count_of(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST_F(Control, SystemdIsToldWhatItWaitsFor) {
  NotifySocket notify(file("notify"));
  const auto begun = std::chrono::steady_clock::now();
  auto host =
      Host::start(*session, {"--source", "synthetic:320x180@30", "--sink", "file:" + file("a.mp4")},
                  notify.env("1000000"));
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(notify.hears("READY=1")) << host->process().log_text();
  const auto took =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begun);
  RecordProperty("ready_ms", static_cast<int>(took.count()));
  std::cout << "ready after " << took.count() << " ms\n";
  EXPECT_LT(took, Milliseconds(5000)) << "a busy machine may be slow, but not that slow";
  EXPECT_TRUE(notify.hears("STATUS=streaming synthetic"));
  EXPECT_TRUE(eventually(kPatience, [&] { return count_of(notify.heard(), "WATCHDOG=1") >= 4; }));

  const std::size_t before = notify.heard().size();
  host->process().signal(SIGHUP);
  ASSERT_TRUE(notify.hears("RELOADING=1\nMONOTONIC_USEC=", before));
  EXPECT_TRUE(notify.hears("READY=1", notify.heard().find("RELOADING=1")));
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  EXPECT_TRUE(notify.hears("STOPPING=1"));
}

TEST_F(Control, TheWatchdogIsFedWhileNothingIsStreamedToo) {
  NotifySocket notify(file("notify"));
  auto host = start({"--sink", "file:" + file("a.mp4")}, notify.env("1000000"));
  EXPECT_EQ(run({"ctl", "stop"}).code, 0);
  const std::size_t before = count_of(notify.heard(), "WATCHDOG=1");
  EXPECT_TRUE(
      eventually(kPatience, [&] { return count_of(notify.heard(), "WATCHDOG=1") >= before + 4; }));
  EXPECT_EQ(host.interrupt(), 0);
}

TEST_F(Control, TheConfigurationCanBeCheckedAndShown) {
  const std::string config = file("host.toml");
  std::ofstream(config) << "quality = \"high\"\n[setup.couch]\nbitrate = \"9M\"\n";
  const Answer checked = run({"config", "check", config});
  EXPECT_EQ(checked.code, 0) << checked.errors;
  EXPECT_NE(checked.output.find("setups: couch"), std::string::npos) << checked.output;
  const Answer shown = run({"config", "show", config, "--setup", "couch"});
  EXPECT_NE(shown.output.find("bitrate = \"9M\"  # " + config + ":3, setup couch"),
            std::string::npos)
      << shown.output;
  const Answer near = run({"config", "show", config, "--setup", "coach"});
  EXPECT_EQ(near.code, 2);
  EXPECT_NE(near.errors.find("did you mean 'couch'?"), std::string::npos) << near.errors;
  std::ofstream(config) << "[setup.couch]\nbitrate = \"fast\"\n";
  EXPECT_EQ(run({"config", "check", config}).code, 2) << "setups are checked, too";
}

TEST_F(Control, AConfigurationFileNeedNotExistUnlessItIsNamed) {
  const Answer usual = run({"config", "check"});
  EXPECT_EQ(usual.code, 0) << usual.errors;
  EXPECT_NE(usual.output.find("host.toml: absent: defaults are used"), std::string::npos)
      << usual.output;
  const Answer named = run({"config", "check", file("nowhere.toml")});
  EXPECT_EQ(named.code, 2);
  EXPECT_NE(named.errors.find("no such file"), std::string::npos) << named.errors;
  EXPECT_EQ(named.errors.find("--no-config"), std::string::npos) << "config has no such option";
}

TEST_F(Control, ATokenThatOthersMayReadIsTold) {
  const std::string config = file("config/lumen/host.toml");
  fs::create_directories(fs::path(config).parent_path());
  std::ofstream(config) << "sink = \"whip:http://127.0.0.1:1/w?token=s3cr3t\"\n";
  fs::permissions(config, fs::perms::others_read, fs::perm_options::add);
  const Answer told = run({"config", "check"});
  EXPECT_EQ(told.code, 0) << "the settings are good";
  EXPECT_NE(told.errors.find("chmod 600 " + config), std::string::npos) << told.errors;
  EXPECT_EQ(doctor_finding(*session, "config").value("verdict", ""), "bad");
  fs::permissions(config, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(run({"config", "check"}).errors, "");
  EXPECT_EQ(doctor_finding(*session, "config").value("verdict", ""), "good");
}

TEST_F(Control, DoctorFindsWhatIsThereAndWritesAReportWithoutSecrets) {
  const std::string config = file("config/lumen/host.toml");
  fs::create_directories(fs::path(config).parent_path());
  std::ofstream(config) << "sink = \"whip:http://127.0.0.1:1/w?token=s3cr3t\"\n";
  const Answer well =
      run({"doctor", "--json", "--report", file("report.txt")}, {{"HOME", "/home/anna"}});
  const json found = json::parse(well.output, nullptr, false);
  ASSERT_TRUE(found.is_object()) << well.errors;
  const auto verdict = [](const json& report, const std::string& words) -> std::string {
    for (const json& one : report["findings"]) {
      if (one["text"].get<std::string>().find(words) != std::string::npos) return one["verdict"];
    }
    return "not found";
  };
  EXPECT_EQ(verdict(found, "PipeWire answers"), "good");
  EXPECT_EQ(verdict(found, "session manager wireplumber"), "good");
  EXPECT_EQ(verdict(found, "the session bus answers"), "good");
  EXPECT_EQ(verdict(found, "libx264"), "good");
  std::ifstream file_of(file("report.txt"));
  const std::string report{std::istreambuf_iterator<char>(file_of), {}};
  EXPECT_NE(report.find("token=REDACTED"), std::string::npos) << report;
  EXPECT_EQ(report.find("s3cr3t"), std::string::npos);

  const Answer ill = run({"doctor", "--json"}, {{"XDG_RUNTIME_DIR", file("nowhere")}});
  EXPECT_EQ(ill.code, 11);
  EXPECT_EQ(verdict(json::parse(ill.output, nullptr, false), "is no folder"), "bad");
}

}  // namespace
}  // namespace lumen::session
