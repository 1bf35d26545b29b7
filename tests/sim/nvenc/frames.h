// What the chip does with a submitted picture: waits for the stream that it reads on, reads and
// encodes it.
#pragma once

#include "simulator.h"

namespace lumen::sim::nvenc {

/// Encodes the oldest pictures of the session up to `last`, unless done already. The mutex is free
/// meanwhile.
NVENCSTATUS encode_until(Simulator& sim, Lock& lock, const std::shared_ptr<Session>& session,
                         const std::shared_ptr<Frame>& last);

}  // namespace lumen::sim::nvenc
