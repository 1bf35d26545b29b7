// The real gamescope without a screen, which shows our pattern client.
#pragma once

#include <string>
#include <vector>

#include "core/geometry.h"
#include "harness/private_session.h"

namespace lumen::session {

inline constexpr Extent kGamescopeSize{320, 180};

struct GamescopeOutput {
  Extent size = kGamescopeSize;
  unsigned rate = 10;  // pictures a second
};

/// Starts one. `launcher` is what starts the client, a program of this machine's root.
inline Result<Process> play_gamescope(PrivateSession& session,
                                      const std::vector<std::string>& launcher = {},
                                      const GamescopeOutput& output = {}) {
  const std::string width = std::to_string(output.size.width);
  const std::string height = std::to_string(output.size.height);
  // The client fills the output exactly and uses a fresh wl_buffer per frame: 3.16 shows nothing
  // new otherwise. It is a program of this root, started from the other one.
  std::vector<std::string> argv = {"gamescope", "--backend", "headless", "--expose-wayland"};
  argv.insert(argv.end(), {"-W", width, "-H", height, "-w", width, "-h", height});
  argv.insert(argv.end(), {"-r", std::to_string(output.rate), "--", "chroot", "/host"});
  argv.insert(argv.end(), launcher.begin(), launcher.end());
  argv.insert(argv.end(), {LUMEN_PATTERN_CLIENT, "--fresh-buffers", width + "x" + height});
  return session.spawn(argv);
}

}  // namespace lumen::session
