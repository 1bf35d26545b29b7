// libav's log. It is silent unless LUMEN_FFMPEG_DEBUG=1; the last error line of each thread is kept
// for our own message.
#pragma once

#include <string>

namespace lumen::ffmpeg {

/// Installs the callback; cheap to call again.
void route_libav_log();

/// The last line that libav logged as an error on this thread since the last call; may be empty.
std::string take_last_libav_error();

/// "Invalid argument" for a negative libav return code, with the last logged line where there is
/// one.
std::string describe_libav_error(int code);

}  // namespace lumen::ffmpeg
