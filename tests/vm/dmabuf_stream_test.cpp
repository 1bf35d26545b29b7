// Real dmabufs from our own producer, which offers them as the compositors do, and what lumen-host
// makes of them. Inside the virtual machine; one session for all tests.
#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "host.h"
#include "support/udmabuf.h"
#include "watch.h"

namespace lumen::session {
namespace {

using Arguments = std::vector<std::string>;

class DmaBufStream : public testing::Test {
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

  static HostRun record(unsigned frames, const std::string& node = "producer") {
    auto run = run_host(*session_, {"--source", "node:" + node, "--frames", std::to_string(frames),
                                    "--bitrate", "4M", "--sink", "file:" + recording()});
    EXPECT_TRUE(run) << run.error().describe();
    return run.value_or(HostRun{});
  }

  static std::unique_ptr<PrivateSession> session_;
};
std::unique_ptr<PrivateSession> DmaBufStream::session_;

void expect_good(const Result<Seen>& seen, std::size_t least) {
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U) << "a picture that the producer never showed";
  EXPECT_EQ(seen->decoder_errors, 0U);
  EXPECT_TRUE(seen->in_order()) << "swapped: " << testing::PrintToString(seen->numbers);
  EXPECT_GE(seen->different(), least) << testing::PrintToString(seen->numbers);
  EXPECT_LE(seen->worst_patch, 6) << "a colour is wrong";
}

struct Offer {
  const char* name;
  Arguments arguments;
  const char* node = "producer";
};

class Offers : public DmaBufStream, public testing::WithParamInterface<Offer> {};

// Each way of agreeing on a modifier ends in LINEAR dmabufs, which the CPU reads where no GPU is.
TEST_P(Offers, LinearDmabufsAreReadByMapping) {
  Process producer = produce(GetParam().arguments);
  const HostRun run = record(20, GetParam().node);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, std::set<std::string>{"cpu/dmabuf-mmap"});
  const auto announced = producer.read_value("streaming 320x180 ", Milliseconds(5000));
  ASSERT_TRUE(announced);
  EXPECT_TRUE(announced->ends_with(" DmaBuf LINEAR")) << *announced;
  expect_good(watch(recording()), 15);
}

INSTANTIATE_TEST_SUITE_P(
    All, Offers,
    testing::Values(Offer{"ProducerFixates", {"--modifiers", "linear"}},
                    Offer{"ConsumerFixates", {"--modifiers", "linear", "--fixation", "consumer"}},
                    Offer{"TiledFirst", {"--modifiers", "tiled+linear"}},
                    Offer{"Gamescope", {"--like", "gamescope", "--plain", "no"}, "gamescope"},
                    Offer{"Kwin", {"--like", "kwin", "--plain", "no"}},
                    Offer{"Mutter", {"--like", "mutter", "--plain", "no"}},
                    Offer{"Nv12", {"--modifiers", "linear", "--format", "NV12"}}),
    [](const auto& offer) { return std::string(offer.param.name); });

TEST_F(DmaBufStream, BuffersThatAreReplacedShowNoOldPicture) {
  Process producer = produce({"--modifiers", "linear", "--hostile", "recycle=8,recycle=16"});
  const HostRun run = record(24);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, std::set<std::string>{"cpu/dmabuf-mmap"});
  expect_good(watch(recording()), 20);
}

// Two status lines at least per kind of memory: a second of frames each, and more.
TEST_F(DmaBufStream, MemoryMayChangeInMidStream) {
  Process producer = produce({"--modifiers", "linear", "--hostile", "to-memfd=25,to-dmabuf=55"});
  const HostRun run = record(80);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, (std::set<std::string>{"cpu/dmabuf-mmap", "cpu/shm"}));
  expect_good(watch(recording()), 60);
}

class Hostile : public DmaBufStream, public testing::WithParamInterface<const char*> {};

// What can be shown is shown, what can't is skipped; never garbage, never the end.
TEST_P(Hostile, OnlyGoodPicturesAreRecorded) {
  Process producer = produce({"--modifiers", "linear", "--hostile", GetParam()});
  const HostRun run = record(12);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  expect_good(watch(recording()), 9);
}

INSTANTIATE_TEST_SUITE_P(All, Hostile,
                         testing::Values("small-dmabuf", "fake-dmabuf", "no-fd", "bad-stride",
                                         "bad-offset", "corrupted-header,zero-size"),
                         [](const auto& offer) {
                           std::string name = offer.param;
                           std::ranges::replace(name, '-', '_');
                           std::ranges::replace(name, ',', '_');
                           return name;
                         });

TEST_F(DmaBufStream, AProducerThatFixesAForeignModifierIsOutlived) {
  Process liar = produce({"--modifiers", "linear", "--hostile", "foreign-modifier"});
  auto host = Host::start(*session_, {"--source", "node:producer", "--frames", "10", "--bitrate",
                                      "4M", "--sink", "file:" + recording()});
  ASSERT_TRUE(host) << host.error().describe();
  polling_pause();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(host->status()) << host->process().log_text();
  liar.kill();
  Process honest = produce({"--modifiers", "linear"});
  EXPECT_EQ(host->exit_code(Milliseconds(60000)), 0) << host->process().log_text();
  expect_good(watch(recording()), 6);
}

}  // namespace
}  // namespace lumen::session
