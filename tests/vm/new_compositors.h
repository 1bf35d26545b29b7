// A session whose daemons and compositor come from a newer Debian, beside a lumen-host built here.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "capture/pipewire/pipewire_source.h"
#include "harness/compositor.h"
#include "linear_reader.h"
#include "other_root.h"
#include "stand_in_gpu.h"
#include "watch.h"

namespace lumen::session {

class NewCompositor : public testing::Test {
 protected:
  void SetUp() override {
    const auto entered = use_other_root(
        {"dbus-daemon", "pipewire", "wireplumber", "pw-cli", "gamescope", "kwin_wayland"});
    if (!entered) GTEST_SKIP() << entered.error().describe();
    for (const char* package : {"pipewire", "wireplumber", "gamescope", "kwin-wayland"}) {
      RecordProperty(package, other_root_version(package));
      std::printf("%s %s\n", package, other_root_version(package).c_str());
    }
    auto started = PrivateSession::start();
    ASSERT_TRUE(started) << started.error().describe();
    session_ = std::move(*started);
    // For the source in this process.
    ::setenv("XDG_RUNTIME_DIR", session_->runtime_dir().c_str(), 1);
  }

  /// Reads `different` pictures of the node as LINEAR dmabufs.
  LinearReader::Reading read_linear(std::uint32_t node, std::size_t different) {
    LinearReader reader;
    pipewire::PipeWireSource source(pipewire::NodeId{node});
    const auto started = source.start({.offers = LinearReader::offers()}, reader);
    EXPECT_TRUE(started) << started.error().describe();
    if (!started) return {};
    EXPECT_TRUE(reader.wait_for(different, Milliseconds(120000)));
    source.stop();
    return reader.reading();
  }

  /// lumen-host records the source by exactly this route; the file shows what the client drew.
  void expect_recorded(const std::string& source, unsigned frames, std::size_t different,
                       Extent size, const std::string& route,
                       const std::vector<std::string>& more = {"--encoder", "software"}) {
    const std::string path = (session_->dir() / "out.mkv").string();
    std::vector<std::string> argv{"--source",   source,        "--frames",  std::to_string(frames),
                                  "--duration", "120",         "--bitrate", "6M",
                                  "--sink",     "file:" + path};
    argv.insert(argv.end(), more.begin(), more.end());
    const auto run = run_host(*session_, argv, Milliseconds(200000));
    ASSERT_TRUE(run) << run.error().describe();
    EXPECT_EQ(run->exit_code, 0) << run->log;
    EXPECT_EQ(run->routes, std::set<std::string>{route}) << run->log;
    const auto seen = watch(path);
    ASSERT_TRUE(seen) << seen.error().describe();
    EXPECT_EQ(seen->decoder_errors, 0U);
    EXPECT_TRUE(seen->in_order()) << testing::PrintToString(seen->numbers);
    EXPECT_GE(seen->different(), different) << testing::PrintToString(seen->numbers);
    EXPECT_LE(seen->worst_patch, 6);
    EXPECT_EQ(seen->sizes,
              (std::set<std::pair<std::uint32_t, std::uint32_t>>{{size.width, size.height}}));
  }

  /// Over the GPU routes, each of which is taken twice: read back for x264, and without a copy by
  /// the CPU for the NVENC stand-in.
  void expect_recorded_by_the_gpu(const std::string& source, unsigned frames, std::size_t different,
                                  Extent size) {
    for (const FirstRoute first : {FirstRoute::kEgl, FirstRoute::kVulkan}) {
      const auto used = use_stand_in_gpu(*session_, first);
      ASSERT_TRUE(used) << used.error().describe();
      expect_recorded(source, frames, different, size, readback_name(first));
      expect_recorded(source, frames, different, size, route_name(first),
                      {"--encoder", "nvenc", "--zerocopy", "require"});
    }
  }

  std::unique_ptr<PrivateSession> session_;
};

}  // namespace lumen::session
