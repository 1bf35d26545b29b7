// The loop of a stream's data thread.
#pragma once

#include <pipewire/pipewire.h>

#include "capture/pipewire/connection.h"

namespace lumen::pipewire {

/// Since PipeWire 1.2 a stream has one only once it was connected; null before.
inline pw_loop* data_loop_of(ThreadLoop& loop, pw_stream* stream) {
#if PW_CHECK_VERSION(1, 1, 0)
  (void)loop;
  return pw_stream_get_data_loop(stream);
#else
  (void)stream;
  return pw_data_loop_get_loop(pw_context_get_data_loop(loop.context()));
#endif
}

}  // namespace lumen::pipewire
