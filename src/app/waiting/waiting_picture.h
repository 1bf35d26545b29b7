// The picture that the host shows itself while there is none of the session: dark, with a line that
// says what is waited for and a dot that runs, so that it is visibly alive. Drawn by the CPU, of
// which only what has changed is converted; GPU encoders bring it over by themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "capture/captured_frame.h"
#include "capture/synthetic/pixels_view.h"
#include "zerocopy/cpu/cpu_importer.h"
#include "zerocopy/frame.h"

namespace lumen {

/// One thread.
class WaitingPicture {
 public:
  /// How often the dot moves.
  static constexpr Nanoseconds kInterval = std::chrono::milliseconds{250};

  /// Pictures in host memory, in the target's format or what it is converted to where that is RGB.
  static Result<std::unique_ptr<WaitingPicture>> create(const ImportTarget& target);
  WaitingPicture(const WaitingPicture&) = delete;
  ~WaitingPicture();

  /// The next picture: `missing` is what is waited for, one line. kRetry: the encoder still reads
  /// all pictures that there are.
  Result<Frame> draw(const std::string& missing);

 private:
  class Canvas;

  WaitingPicture(Extent size, ColorTransfer transfer);
  /// As it has to be drawn for the stream's transfer function.
  [[nodiscard]] Rgb shown(Rgb color) const;
  void draw_text();
  Rect draw_dots();

  cpu::CpuImporter importer_;
  std::shared_ptr<Canvas> canvas_;
  unsigned white_percent_;  // of the stream's signal
  std::string missing_;
  unsigned scale_ = 1;        // screen pixels per pixel of the font
  std::uint32_t dots_y_ = 0;  // their row's top
  std::uint64_t step_ = 0;    // of the dot
  bool whole_ = true;         // everything is new
};

}  // namespace lumen
