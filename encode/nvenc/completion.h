// How the retrieval thread learns that the chip is through with a picture: from events in
// asynchronous mode, which Windows alone has, else from nvEncLockBitstream, which blocks until
// then.
#pragma once

#include <cstddef>
#include <memory>

#include "encode/nvenc/driver.h"

namespace lumen::nvenc {

/// Pictures in flight: each has its own bitstream buffer and event.
inline constexpr std::size_t kSlots = 8;
/// The slot of the end of the stream.
inline constexpr std::size_t kEndOfStream = kSlots;

class Completion {
 public:
  /// `async` as in NV_ENC_INITIALIZE_PARAMS::enableEncodeAsync of the initialized session, which
  /// must outlive it. Errors: as Driver::check(); kUnsupported, no events on this platform.
  static Result<std::unique_ptr<Completion>> create(const std::shared_ptr<const Driver>& driver,
                                                    void* session, bool async);
  /// Nothing may be in flight.
  virtual ~Completion() = default;

  /// For NV_ENC_PIC_PARAMS::completionEvent of what is submitted in the slot.
  [[nodiscard]] virtual void* event(std::size_t slot) const = 0;
  /// Once for whatever was submitted in the slot, before its bitstream is locked. Any thread.
  /// Errors: kDeviceLost, the chip hangs.
  virtual Result<void> wait(std::size_t slot) = 0;
};

}  // namespace lumen::nvenc
