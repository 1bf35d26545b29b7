// Which memory NVENC knows: each pool buffer is registered once, when it is first seen, and
// unregistered before it is freed.
#pragma once

#include <memory>
#include <vector>

#include "encode/nvenc/device.h"
#include "encode/nvenc/driver.h"

namespace lumen::nvenc {

/// One thread, and the device current in every call. unregister_all() before the session ends.
class Registrations {
 public:
  Registrations(std::shared_ptr<const Driver> driver, void* session)
      : driver_(std::move(driver)), session_(session) {}

  /// Registers the memory, or finds that it is. What nobody but this table holds any more, and is
  /// not mapped therefore, is unregistered on the way.
  Result<NV_ENC_REGISTERED_PTR> get(const InputResource& resource, Extent size);
  /// Nothing may be mapped.
  void unregister_all();
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::shared_ptr<void> allocation;
    void* handle;
    Extent size;
    NV_ENC_REGISTERED_PTR registered;
  };
  void unregister(const Entry& entry);
  void sweep();

  std::shared_ptr<const Driver> driver_;
  void* session_;
  std::vector<Entry> entries_;
};

}  // namespace lumen::nvenc
