// A session whose daemons and compositor come from a newer Debian, beside a lumen-host built here.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "capture/pipewire/pipewire_source.h"
#include "harness/compositor.h"
#include "linear_reader.h"
#include "other_root.h"
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

  std::unique_ptr<PrivateSession> session_;
};

}  // namespace lumen::session
