// Takes a picture's bitstream from the chip: whole, or slice by slice while the chip still works on
// the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "encode/nvenc/session.h"

namespace lumen::nvenc {

struct BitstreamPart {
  std::shared_ptr<std::vector<std::uint8_t>> bytes;
  bool key = false;  // the picture's type, in every part
};

/// One thread: outputs are locked in the order of submission.
class BitstreamReader {
 public:
  /// `session` must outlive it; `blocks`: 16 x 16 pixels each, of the largest picture.
  BitstreamReader(Session& session, std::size_t blocks) : session_(session), offsets_(blocks) {}

  /// Waits until the chip is through with the picture and returns its last part, the bitstream
  /// unlocked. Where `slices` is above 1 (with NV_ENC_INITIALIZE_PARAMS::enableSubFrameWrite),
  /// `early` gets the others as they come. With the device current.
  Result<BitstreamPart> read(NV_ENC_OUTPUT_PTR bitstream, unsigned slices,
                             const std::function<void(BitstreamPart)>& early);

  /// Waits for a picture that nobody wants. Errors are of no consequence.
  void drop(NV_ENC_OUTPUT_PTR bitstream) { (void)look(bitstream, 0, Wait::kForThePicture); }

  /// The last read() came to the end of its picture, even where it failed then: the chip needs the
  /// input no more.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  struct Look {
    BitstreamPart part;  // what was not there before
    unsigned slices = 0;
    bool complete = false;
    bool busy = false;
  };
  enum class Wait { kNo, kForThePicture };
  Result<Look> look(NV_ENC_OUTPUT_PTR bitstream, std::size_t known, Wait wait);

  Session& session_;
  std::vector<std::uint32_t> offsets_;  // of slices; as long as the API asks for
  bool ended_ = false;
};

}  // namespace lumen::nvenc
