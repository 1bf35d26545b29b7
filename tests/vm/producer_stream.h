// Streams from our own producer, which shows real dmabufs. Inside the virtual machine; one session
// for all tests of a suite.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "host.h"
#include "support/udmabuf.h"
#include "watch.h"

namespace lumen::session {

using Arguments = std::vector<std::string>;

class ProducerStream : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (auto started = PrivateSession::start()) {
      session_ = std::move(*started);
    } else {
      ADD_FAILURE() << started.error().describe();
    }
  }
  static void TearDownTestSuite() { session_.reset(); }

  void SetUp() override {
    const auto available = test::TestDmaBuf::available();
    if (!available) GTEST_SKIP() << available.error().describe();
    ASSERT_TRUE(session_);
  }

  static Process produce(const Arguments& more) {
    Arguments argv = {
        LUMEN_TEST_PRODUCER, "--size",   "320x180", "--fps",   "10", "--linger", "20", "--name",
        "producer",          "--memory", "dmabuf",  "--plain", "no"};
    // --like sets the offer as a whole; what a test wants otherwise comes behind it.
    argv.insert(argv.end(), more.begin(), more.end());
    auto process = session_->spawn(argv, StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(20000)));
    return std::move(*process);
  }

  static std::string recording() { return (session_->dir() / "out.mkv").string(); }

  /// By the software encoder, unless `more` names another: the stand-ins for libcuda and
  /// libnvidia-encode lie in one folder.
  static HostRun record(unsigned frames, const Arguments& more = {},
                        const std::string& node = "producer") {
    Arguments argv = {
        "--source",  "node:" + node, "--frames", std::to_string(frames), "--bitrate", "4M",
        "--encoder", "software",     "--sink",   "file:" + recording()};
    argv.insert(argv.end(), more.begin(), more.end());
    auto run = run_host(*session_, argv, Milliseconds(150000));
    EXPECT_TRUE(run) << run.error().describe();
    return run.value_or(HostRun{});
  }

  /// What was recorded is what the producer showed, at least so many different pictures of it.
  static Result<Seen> expect_good(std::size_t least) {
    auto seen = watch(recording());
    EXPECT_TRUE(seen) << seen.error().describe();
    if (!seen) return seen;
    EXPECT_EQ(seen->unreadable, 0U) << "a picture that the producer never showed";
    EXPECT_EQ(seen->decoder_errors, 0U);
    EXPECT_TRUE(seen->in_order()) << "swapped: " << testing::PrintToString(seen->numbers);
    EXPECT_GE(seen->different(), least) << testing::PrintToString(seen->numbers);
    EXPECT_LE(seen->worst_patch, 6) << "a colour is wrong";
    return seen;
  }

  static inline std::unique_ptr<PrivateSession> session_;
};

}  // namespace lumen::session
