// Turns what is asked of a picture into NVENC's words, and keeps in mind what that means for the
// pictures after it: which references there are, how far a wave of intra blocks has come.
#pragma once

#include <cstdint>
#include <optional>

#include "encode/nvenc/configuration.h"
#include "encode/nvenc/long_term_references.h"
#include "encode/nvenc/session.h"
#include "encode/reference_history.h"

namespace lumen::nvenc {

/// A picture's inputTimeStamp, by which nvEncInvalidateRefFrames names it.
inline std::uint64_t number_of(Timestamp pts) {
  return static_cast<std::uint64_t>(pts.time_since_epoch().count());
}

/// One thread, the one that submits.
class PictureOrders {
 public:
  /// The session must outlive it.
  PictureOrders(Session& session, const EncoderSettings& settings,
                const Configuration& configuration);

  struct Order {
    bool repaired = false;  // EncodedFrame::repaired
    bool wave = false;      // of intra blocks, which has its own slices
  };
  /// Fills in what `picture` needs for the request. With the device current; once per picture, in
  /// order.
  Order apply(const EncodeRequest& request, Timestamp pts, NV_ENC_PIC_PARAMS& picture);
  /// The next picture is an IDR whatever is asked.
  void begin_sequence() { new_sequence_ = true; }

  /// EncoderCapabilities::references.
  [[nodiscard]] unsigned references() const { return references_; }

 private:
  bool invalidate(Timestamp lost_from, NV_ENC_PIC_PARAMS& picture);
  void start_wave(NV_ENC_PIC_PARAMS& picture);

  Session& session_;
  const Codec codec_;
  const unsigned refresh_frames_;
  const bool can_refresh_;
  unsigned references_ = 1;
  std::optional<ReferenceHistory> history_;      // with invalidation
  std::optional<LongTermReferences> long_term_;  // in its stead where the chip can't invalidate
  unsigned wave_left_ = 0;                       // pictures of the wave under way
  bool new_sequence_ = true;
};

}  // namespace lumen::nvenc
