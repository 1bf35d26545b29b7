// Asynchronous mode: events that are registered, passed with pictures, signalled when those are
// done, and waited for before they are locked. Everything under the simulator's mutex.
#pragma once

#include "simulator.h"

namespace lumen::sim::nvenc {

/// The event that comes with a picture for `bitstream` or, where that is null, with an end of
/// stream. Null in synchronous mode.
NVENCSTATUS find_event(Simulator& sim, const Session& session, void* handle,
                       const std::shared_ptr<Bitstream>& bitstream,
                       std::shared_ptr<CompletionEvent>& event);
/// find_event()'s now belongs to what was submitted.
void attach(const std::shared_ptr<CompletionEvent>& event,
            const std::shared_ptr<Bitstream>& bitstream);

/// It was signalled and the client has waited for it.
bool was_waited_for(const CompletionEvent& event);

}  // namespace lumen::sim::nvenc
