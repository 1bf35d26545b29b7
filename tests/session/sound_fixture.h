// A session with a sink, something that beeps into it, and how far sound and picture of a recording
// are apart.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "host.h"
#include "support/sound_reader.h"

namespace lumen::session {

/// A sink without hardware, as a sound card would be one. It outlives the program that makes it.
inline void plug_in_sink(PrivateSession& session, const std::string& name) {
  const auto made = session.output_of(
      {"pw-cli", "create-node", "adapter",
       fmt::format("{{ factory.name=support.null-audio-sink node.name={} media.class=Audio/Sink "
                   "object.linger=true audio.position=[FL FR] }}",
                   name)});
  ASSERT_TRUE(made) << made.error().describe();
  ASSERT_TRUE(eventually(Milliseconds(10000), [&] { return session.find_node(name).has_value(); }));
}

inline void unplug(PrivateSession& session, const std::string& name) {
  const auto node = session.find_node(name);
  ASSERT_TRUE(node) << name;
  const auto done = session.output_of({"pw-cli", "destroy", std::to_string(node->id)});
  ASSERT_TRUE(done) << done.error().describe();
}

/// Beeps into the sink, or the default one.
inline Process play_beeps(PrivateSession& session, const std::string& sink = "") {
  std::vector<std::string> argv = {LUMEN_TEST_TONE};
  if (!sink.empty()) argv.push_back(sink);
  auto tone = session.spawn(argv, StandardOutput::kPipe);
  EXPECT_TRUE(tone) << tone.error().describe();
  EXPECT_TRUE(tone->read_value("playing", Milliseconds(10000)));
  return std::move(*tone);
}

/// When a recording's clock was zero, on the monotonic clock, as the host noted it.
inline std::optional<double> start_of(const std::string& log) {
  const std::string mark = "times count from ";
  const auto at = log.find(mark);
  if (at == std::string::npos) return std::nullopt;
  return std::stod(log.substr(at + mark.size())) / 1e9;
}

/// How far each beep is from the whole second at which it belongs, in seconds; positive: late.
/// `start` is the recording's zero on the monotonic clock.
inline std::vector<double> beep_offsets(const test::ReadSound& sound, double start) {
  std::vector<double> offsets;
  for (const double beep : test::find_beeps(sound)) {
    const double time = start + beep;
    offsets.push_back(time - std::round(time));
  }
  return offsets;
}

}  // namespace lumen::session
