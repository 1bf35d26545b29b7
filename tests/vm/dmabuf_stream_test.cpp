// Real dmabufs from our own producer, which offers them as the compositors do, and what lumen-host
// makes of them. Inside the virtual machine; one session for all tests.
#include <algorithm>

#include <gtest/gtest.h>

#include "producer_stream.h"

namespace lumen::session {
namespace {

class DmaBufStream : public ProducerStream {};

struct Offer {
  const char* name;
  Arguments arguments;
  const char* node = "producer";
};

class Offers : public DmaBufStream, public testing::WithParamInterface<Offer> {};

// Each way of agreeing on a modifier ends in LINEAR dmabufs, which the CPU reads where no GPU is.
TEST_P(Offers, LinearDmabufsAreReadByMapping) {
  Process producer = produce(GetParam().arguments);
  const HostRun run = record(20, {}, GetParam().node);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, std::set<std::string>{"cpu/dmabuf-mmap"});
  const auto announced = producer.read_value("streaming 320x180 ", Milliseconds(5000));
  ASSERT_TRUE(announced);
  EXPECT_TRUE(announced->ends_with(" DmaBuf LINEAR")) << *announced;
  expect_good(15);
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
  expect_good(20);
}

// Two status lines at least per kind of memory: a second of frames each, and more.
TEST_F(DmaBufStream, MemoryMayChangeInMidStream) {
  Process producer = produce({"--modifiers", "linear", "--hostile", "to-memfd=25,to-dmabuf=55"});
  const HostRun run = record(80);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, (std::set<std::string>{"cpu/dmabuf-mmap", "cpu/shm"}));
  expect_good(60);
}

class Hostile : public DmaBufStream, public testing::WithParamInterface<const char*> {};

// What can be shown is shown, what can't is skipped; never garbage, never the end.
TEST_P(Hostile, OnlyGoodPicturesAreRecorded) {
  Process producer = produce({"--modifiers", "linear", "--hostile", GetParam()});
  const HostRun run = record(12);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  expect_good(9);
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
  expect_good(6);
}

}  // namespace
}  // namespace lumen::session
