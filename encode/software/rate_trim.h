// Holds an encoder to its bit rate that leaves a part of it unused, as libx264 does with a small
// buffer (about a fifth with one of 1.5 pictures). Pure.
#pragma once

namespace lumen::software {

class RateTrim {
 public:
  /// Of a picture at the wanted bit rate, in bits.
  explicit RateTrim(double mean) : mean_(mean) {}

  void set_mean(double mean) { mean_ = mean; }
  void coded(double bits);
  /// What to multiply the bit rate by for the next picture.
  [[nodiscard]] double factor() const;

 private:
  double mean_;
  double credit_ = 0;  // pictures' worth of bits that were not used
};

}  // namespace lumen::software
