// Reads recordings back through libavformat and libavcodec.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lumen::test {

struct ReadFile {
  std::string error;  // empty: it opened
  int codec_id = 0;   // AVCodecID
  std::uint32_t codec_tag = 0;
  int time_base_num = 0;
  int time_base_den = 0;
  double frame_rate = 0;  // average where known, else guessed
  int primaries = 0;
  int transfer = 0;
  int matrix = 0;
  int range = 0;
  int container_matrix = 0;  // what the container says before anything is decoded
  int container_range = 0;
  int width = 0;
  std::vector<std::int64_t> pts;        // of packets, in time_base
  std::vector<std::int64_t> durations;  // of packets, in time_base
  std::vector<bool> keys;
  unsigned decoded = 0;        // pictures
  unsigned decode_errors = 0;  // packets that the decoder refused or concealed
};

/// Demuxes and decodes all that is there.
ReadFile read_back(const std::string& path);

}  // namespace lumen::test
