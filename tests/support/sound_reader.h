// The sound of a recording as a player would hear it, through libavformat and libavcodec; and the
// beeps in it (capture/audio/beep.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lumen::test {

struct SoundPiece {
  double begin = 0;  // seconds on the container's clock
  std::vector<float> left;
  std::vector<float> right;
};

struct ReadSound {
  std::string error;  // empty: it was read
  std::string codec;  // "opus"
  int rate = 0;
  int channels = 0;
  std::uint64_t packets = 0;
  std::uint64_t decode_errors = 0;
  std::vector<SoundPiece> pieces;  // one per packet
};

/// The first audio track; an error where there is none.
ReadSound read_sound(const std::string& path);

/// When beeps begin, in seconds.
enum class Side { kLeft, kRight };
std::vector<double> find_beeps(const ReadSound& sound, Side side = Side::kLeft);

/// How loud a tone is on one side within a stretch of time: amplitude, 0 to 1.
double tone_level(const ReadSound& sound, Side side, double frequency, double begin,
                  double seconds);

}  // namespace lumen::test
