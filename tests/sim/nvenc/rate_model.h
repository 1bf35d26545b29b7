// Chooses quantizers for an encoder whose own rate control can't follow a change of the bit rate
// (libx265 takes it with x265_encoder_reconfig and goes on as before). A leaky bucket of the VBV's
// size and what pictures cost lately; the VBV is aimed at, not guaranteed. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>

#include "stream_config.h"

namespace lumen::sim::nvenc {

class RateModel {
 public:
  explicit RateModel(const StreamConfig& config);
  void change(const StreamConfig& config);
  [[nodiscard]] int quantizer(bool intra) const;
  void coded(bool intra, int quantizer, std::size_t bytes);

 private:
  double mean_ = 0;  // bits a picture
  double drain_ = 0;
  double size_ = 0;
  double fullness_ = 0;
  int smallest_ = 0;
  int largest_ = 51;
  bool known_p_ = false;
  std::array<double, 2> cost_{};  // bits of a P, an I at quantizer 0, if halved every 6
};

}  // namespace lumen::sim::nvenc
