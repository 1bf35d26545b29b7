#include "encode/ffmpeg/libav_log.h"

#include <array>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "core/log.h"

extern "C" {
#include <libavutil/error.h>
#include <libavutil/log.h>
}

namespace lumen::ffmpeg {
namespace {

std::string& last_error() {
  thread_local std::string line;
  return line;
}

bool debug_wanted() {
  static const bool wanted = [] {
    const char* value = std::getenv("LUMEN_FFMPEG_DEBUG");
    return value != nullptr && std::strcmp(value, "0") != 0 && *value != '\0';
  }();
  return wanted;
}

void on_line(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR && !debug_wanted()) return;
  std::array<char, 512> text{};
  int prefix = 1;
  va_list copy;
  va_copy(copy, arguments);
  av_log_format_line2(context, level, format, copy, text.data(), static_cast<int>(text.size()),
                      &prefix);
  va_end(copy);
  std::string line(text.data());
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  if (line.empty()) return;
  if (level <= AV_LOG_ERROR) last_error() = line;
  if (debug_wanted()) log::area("ffmpeg").info("{}", line);
}

}  // namespace

void route_libav_log() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(&on_line); });
}

std::string take_last_libav_error() { return std::exchange(last_error(), std::string()); }

std::string describe_libav_error(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  const std::string line = take_last_libav_error();
  return line.empty() ? std::string(text.data()) : std::string(text.data()) + " - " + line;
}

}  // namespace lumen::ffmpeg
