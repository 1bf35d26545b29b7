#include "sink/sink_spec.h"

#include <gtest/gtest.h>

#include "encoded_stream.h"
#include "sink/sink_registry.h"

namespace lumen {
namespace {

template <typename T>
T parsed(std::string_view text) {
  const auto spec = parse_sink_spec(text);
  if (!spec) {
    ADD_FAILURE() << text << ": " << spec.error().describe();
    return {};
  }
  if (!std::holds_alternative<T>(*spec)) {
    ADD_FAILURE() << text << " is another kind of sink";
    return {};
  }
  return std::get<T>(*spec);
}

TEST(SinkSpec, Files) {
  using F = FileSettings;
  EXPECT_EQ(parsed<F>("file:a.mp4"), (F{.path = "a.mp4"}));
  EXPECT_EQ(parsed<F>("file:/x/y.MKV"), (F{.path = "/x/y.MKV"}));
  EXPECT_EQ(parsed<F>("file:-"), (F{.path = "-"}));
  EXPECT_EQ(parsed<F>("file:-?format=h264"), (F{.path = "-", .format = "h264"}));
  EXPECT_EQ(parsed<F>("file:/dev/full?format=mp4"), (F{.path = "/dev/full", .format = "mp4"}));
  EXPECT_EQ(parsed<F>("file:C:stream.hevc"), (F{.path = "C:stream.hevc"}));
  EXPECT_EQ(parsed<F>("file:what?.mp4"), (F{.path = "what?.mp4"}));
  EXPECT_EQ(parsed<F>("file:a?pt=9.mp4"), (F{.path = "a?pt=9.mp4"}));
}

TEST(SinkSpec, Web) {
  using W = WebSettings;
  EXPECT_EQ(parsed<W>("web"), (W{.address = "127.0.0.1", .port = 8000, .spare_ports = 9}));
  EXPECT_EQ(parsed<W>("web:127.0.0.2:0"), (W{.address = "127.0.0.2", .port = 0}));
  EXPECT_EQ(parsed<W>("web:[::1]:8080"), (W{.address = "::1", .port = 8080}));
  for (const char* wrong : {"whip:", "whip", "whip:sfu.example/whip", "whip:http://a/?token=",
                            "web:", "web:8000", "web:127.0.0.1", "web:127.0.0.1:x", "web::1:80",
                            "web:127.0.0.1:65536", "web::80", "webs"}) {
    const auto spec = parse_sink_spec(wrong);
    ASSERT_FALSE(spec) << wrong;
    EXPECT_FALSE(spec.error().hint.empty()) << wrong;
  }
  EXPECT_TRUE(is_for_browsers(WebSettings{}));
  EXPECT_FALSE(is_for_browsers(RtpSettings{}));
}

TEST(SinkSpec, RtpWithSound) {
  using R = RtpSettings;
  EXPECT_EQ(parsed<R>("rtp:127.0.0.1:5004?audio-port=5006"),
            (R{.host = "127.0.0.1", .port = 5004, .audio = {.port = 5006, .payload_type = 97}}));
  EXPECT_EQ(parsed<R>("rtp:127.0.0.1:5004?audio-pt=111&audio-port=6000"),
            (R{.host = "127.0.0.1", .port = 5004, .audio = {.port = 6000, .payload_type = 111}}));
  EXPECT_EQ(parsed<R>("rtp:127.0.0.1:5004?audio-port=5006&audio-ssrc=7"),
            (R{.host = "127.0.0.1", .port = 5004, .audio = {.port = 5006, .ssrc = 7}}));
  for (const char* wrong : {"audio-port=0", "audio-port=65536", "audio-port=x", "audio-pt=95",
                            "audio-pt=128", "audio-ssrc=x"}) {
    const auto spec = parse_sink_spec(std::string("rtp:127.0.0.1:5004?") + wrong);
    ASSERT_FALSE(spec) << wrong;
    EXPECT_FALSE(spec.error().hint.empty()) << wrong;
  }
  // The picture's RTP and RTCP have 5004 and 5005.
  for (const char* taken : {"5003", "5004", "5005"}) {
    const auto sink = create_sink(std::string("rtp:127.0.0.1:5004?audio-port=") + taken);
    ASSERT_FALSE(sink) << taken;
    EXPECT_EQ(sink.error().kind, ErrorKind::kInvalidArgument);
  }
  EXPECT_FALSE(create_sink("rtp:127.0.0.1:5004?audio-port=65535"));
  // With one port each only the picture's own is taken.
  EXPECT_FALSE(create_sink("rtp:127.0.0.1:5004?mux=1&audio-port=5004"));
  EXPECT_TRUE(create_sink("rtp:127.0.0.1:5004?mux=1&audio-port=5005"));
}

TEST(SinkSpec, Rtp) {
  using R = RtpSettings;
  EXPECT_EQ(parsed<R>("rtp:127.0.0.1:5004"), (R{.host = "127.0.0.1", .port = 5004}));
  EXPECT_EQ(parsed<R>("rtp:tv.local:6000?pt=127"),
            (R{.host = "tv.local", .port = 6000, .payload_type = 127}));
  EXPECT_EQ(parsed<R>("rtp:[::1]:5004?ssrc=0xDEADbeef&mtu=1400&sdp=/tmp/a b.sdp"),
            (R{.host = "::1",
               .port = 5004,
               .ssrc = 0xdeadbeef,
               .mtu = 1400,
               .sdp_path = "/tmp/a b.sdp"}));
  EXPECT_EQ(parsed<R>("rtp:[fe80::1%eth0]:1?ssrc=7&pt=0"),
            (R{.host = "fe80::1%eth0", .port = 1, .payload_type = 0, .ssrc = 7}));
}

TEST(SinkSpec, RtpForAnSfu) {
  using R = RtpSettings;
  EXPECT_EQ(parsed<R>("rtp:h:5004?mux=1&twcc=3&abs-capture-time=4&rtx-pt=97&rtx-ssrc=9"),
            (R{.host = "h",
               .port = 5004,
               .rtcp_mux = true,
               .extensions = {.abs_capture_time = 4, .transport_sequence = 3},
               .rtx_payload_type = 97,
               .rtx_ssrc = 9}));
  EXPECT_EQ(parsed<R>("rtp:h:5004?rtcp=6000&feedback=0&mux=0"),
            (R{.host = "h", .port = 5004, .rtcp_port = 6000, .sdp_feedback = false}));
}

TEST(SinkSpec, ReadsWhoMayOpenThePage) {
  using W = WebSettings;
  EXPECT_EQ(parsed<W>("web"), (W{.spare_ports = 9}));
  EXPECT_EQ(parsed<W>("web?token=on"), (W{.spare_ports = 9, .token = true}));
  EXPECT_EQ(parsed<W>("web:[::]:8443"), (W{.address = "::", .port = 8443}));
  EXPECT_EQ(parsed<W>("web:0.0.0.0:8443?cert=/a b.pem&key=c.pem&token-file=t"),
            (W{.address = "0.0.0.0",
               .port = 8443,
               .token_file = "t",
               .certificate_file = "/a b.pem",
               .key_file = "c.pem"}));
}

TEST(SinkSpec, TakesTheTokenOutOfAWhipUrl) {
  using P = WhipSettings;
  EXPECT_EQ(parsed<P>("whip:https://sfu.example/whip"), (P{.url = "https://sfu.example/whip"}));
  EXPECT_EQ(parsed<P>("whip:http://a:1/w?token=tk"), (P{.url = "http://a:1/w", .token = "tk"}));
  EXPECT_EQ(parsed<P>("whip:http://a/w?x=1&token=tk&y"),
            (P{.url = "http://a/w?x=1&y", .token = "tk"}));
  for (const char* text : {"whip:ftp://a/w?token=secret", "whip:http://a/w?token=sec ret",
                           "whip:http://a/w?token=sec\r\nret"}) {
    const auto spec = parse_sink_spec(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().describe().find("sec"), std::string::npos);
  }
}

class BadSpec : public testing::TestWithParam<const char*> {};

TEST_P(BadSpec, IsOneClearLineWithAHint) {
  const auto spec = parse_sink_spec(GetParam());
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_FALSE(spec.error().message.empty());
  EXPECT_FALSE(spec.error().hint.empty());
  EXPECT_EQ(spec.error().describe().find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadSpec,
    testing::Values("", "file", "file:", "demo.mp4", "http://x", "webrtc:1", "file:a", "file:a.avi",
                    "file:a.mp4?format=avi", "file:a.mp4?format=", "file:?format=mp4",
                    "rtp:", "rtp:host", "rtp:host:", "rtp::5004", "rtp:host:0", "rtp:host:65535",
                    "rtp:host:99999", "rtp:host:50x4", "rtp:host:-1", "rtp:::1:5004", "rtp:[::1]",
                    "rtp:[::1]5004", "rtp:[::1", "rtp:host:5004?pt=128", "rtp:host:5004?pt=",
                    "rtp:host:5004?pt", "rtp:host:5004?ssrc=0x1ffffffff", "rtp:host:5004?ssrc=0x",
                    "rtp:host:5004?ssrc=-1", "rtp:host:5004?mtu=255", "rtp:host:5004?mtu=9001",
                    "rtp:host:5004?sdp=", "rtp:host:5004?mux=yes", "rtp:host:5004?mux",
                    "rtp:host:5004?rtcp=0", "rtp:host:5004?rtcp=65536", "rtp:host:5004?twcc=15",
                    "rtp:host:5004?twcc=0", "rtp:host:5004?rtx-pt=95", "rtp:host:5004?rtx-ssrc=x",
                    "rtp:host:5004?ttl=3", "rtp:host:5004?pt=96&&mtu=1200", "whip:", "whip",
                    "whip:sfu.example/whip", "whip:http://a/?token=", "web:", "web:8000",
                    "web:127.0.0.1", "web:::1:8000", "webs", "web?token", "web?token=secret",
                    "web?cert=a", "web?key=a", "web:0.0.0.0:1?token-file=", "web?port=1"));

TEST(SinkRegistry, MakesEachKindFromItsSpecification) {
  const test::TemporaryDirectory directory;
  const auto file = create_sink("file:" + (directory / "a.mp4"));
  ASSERT_TRUE(file) << file.error().describe();
  EXPECT_EQ((*file)->describe(), "file " + (directory / "a.mp4"));
  const auto rtp = create_sink("rtp:127.0.0.1:5004");
  ASSERT_TRUE(rtp) << rtp.error().describe();
  EXPECT_EQ((*rtp)->describe(), "rtp 127.0.0.1:5004");
  EXPECT_FALSE(create_sink("nothing:here"));
  ASSERT_EQ(sink_kinds().size(), 4U);
  for (const auto& kind : sink_kinds()) EXPECT_TRUE(kind.usage.starts_with(kind.scheme));
}

}  // namespace
}  // namespace lumen
