// What --mirror shows of a web sink: the packets that all viewers share, without any viewer.
#include <gtest/gtest.h>

#include "../../support/udp_receiver.h"
#include "depacketizer.h"
#include "encoded_stream.h"
#include "sink/web/video_sender.h"

namespace lumen {
namespace {

TEST(WebMirror, GetsTheStreamWithoutAViewer) {
  const auto frames = test::encode_stream({.frames = 4, .profile = Profile::kBaseline});
  auto mirror = test::Receiver::bind(0);
  ASSERT_TRUE(mirror);
  auto target = rtp::Mirror::create({.host = "127.0.0.1", .port = mirror->port()});
  ASSERT_TRUE(target) << target.error().describe();
  web::Audience nobody({}, {});
  web::VideoSender sender(nobody, *std::move(target));
  for (const auto& frame : frames) {
    FrameTimes times = frame.times;
    sender.write(frame, times);
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
