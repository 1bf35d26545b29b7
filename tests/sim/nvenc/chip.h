// In asynchronous mode the chip works by itself: a thread per session encodes what is submitted, in
// order, and signals the events.
#pragma once

#include "simulator.h"

namespace lumen::sim::nvenc {

void start_chip(Simulator& sim, const std::shared_ptr<Session>& session);
/// The mutex is free meanwhile. Nothing to do in synchronous mode.
void stop_chip(Simulator& sim, Lock& lock, Session& session);

}  // namespace lumen::sim::nvenc
