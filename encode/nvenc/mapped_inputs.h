// The inputs that are mapped now. NVENC maps a registered resource once, but the same picture may
// be on its way several times: a screen that is still is encoded again before the chip is done with
// it.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "encode/nvenc/driver.h"

namespace lumen::nvenc {

/// Any thread, with the device current. Everything is unmapped before the session ends.
class MappedInputs {
 public:
  struct Input {
    NV_ENC_INPUT_PTR buffer = nullptr;
    NV_ENC_BUFFER_FORMAT format = NV_ENC_BUFFER_FORMAT_UNDEFINED;
  };

  MappedInputs(std::shared_ptr<const Driver> driver, void* session)
      : driver_(std::move(driver)), session_(session) {}

  /// Maps it, or finds that it is. Once for each picture; each is given back by unmap().
  Result<Input> map(NV_ENC_REGISTERED_PTR registered);
  /// The last one that had it unmaps it.
  Result<void> unmap(NV_ENC_INPUT_PTR buffer);

 private:
  struct Entry {
    NV_ENC_REGISTERED_PTR registered;
    Input input;
    unsigned users;
  };

  std::shared_ptr<const Driver> driver_;
  void* session_;
  std::mutex mutex_;  // held over the driver's calls: nobody maps what is being unmapped
  std::vector<Entry> entries_;
};

}  // namespace lumen::nvenc
