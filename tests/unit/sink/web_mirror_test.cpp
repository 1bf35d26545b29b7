// What --mirror shows of a web sink: the packets that all viewers share, without any viewer.
#include <gtest/gtest.h>

#include "../../support/udp_receiver.h"
#include "depacketizer.h"
#include "encoded_stream.h"
#include "sink/web/web_sink.h"

namespace lumen {
namespace {

TEST(WebMirror, GetsTheStreamWithoutAViewer) {
  const auto frames = test::encode_stream({.frames = 4, .profile = Profile::kBaseline});
  auto mirror = test::Receiver::bind(0);
  ASSERT_TRUE(mirror);
  WebSettings settings;
  settings.port = 0;
  settings.mirror = rtp::MirrorTarget{.host = "127.0.0.1", .port = mirror->port()};
  auto sink = WebSink::create(settings);
  if (!sink && sink.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << sink.error().describe();
  }
  ASSERT_TRUE(sink) << sink.error().describe();
  ASSERT_TRUE((*sink)->open(*frames.front().stream));
  for (const auto& frame : frames) {
    FrameTimes times = frame.times;
    ASSERT_TRUE((*sink)->write(frame, times));
  }
  test::Depacketizer depacketizer(Codec::kH264);
  for (const auto& packet : mirror->drain()) depacketizer.take(packet);
  unsigned ends = 0;
  for (const auto& header : depacketizer.headers()) ends += header.marker ? 1U : 0U;
  EXPECT_EQ(ends, frames.size());
  EXPECT_GE(depacketizer.nals().size(), frames.size() + 2) << "with the parameter sets";
}

}  // namespace
}  // namespace lumen
