// Device memory. A device address lies in a reservation without access, so that a host line that
// touches one faults; the bytes are mapped elsewhere. New memory is filled with 0xA5 and addresses
// are not given out again unless LUMEN_SIM_CUDA_REUSE is 1. Guarded by the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "handle_table.h"

namespace lumen::sim {

/// Bytes that device work reads and writes, wherever they come from.
class Storage {
 public:
  /// Null: out of memory.
  static std::shared_ptr<Storage> make_device(std::size_t size);
  /// Page-locked host memory, from the ordinary heap: sanitizers watch its borders.
  static std::shared_ptr<Storage> make_host(std::size_t size);
  /// `size` bytes from `offset` of a shared file. Null: it can't be mapped.
  static std::shared_ptr<Storage> map_file(int fd, std::size_t offset, std::size_t size);

  Storage(const Storage&) = delete;
  ~Storage() { release_(); }

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// Called before device work reads: brings in what memory outside CUDA holds at that moment.
  std::function<void(Storage&)> refresh;

 private:
  Storage(std::byte* data, std::size_t size, std::function<void()> release)
      : data_(data), size_(size), release_(std::move(release)) {}

  std::byte* data_;
  std::size_t size_;
  std::function<void()> release_;
};

/// A block of device addresses.
struct Allocation : Owned {
  enum class Kind { kOwn, kExternal, kEglFrame };
  Kind kind = Kind::kOwn;
  CUdeviceptr address = 0;
  std::uint64_t id = 0;
  std::size_t size = 0;
  std::size_t offset = 0;  // of the first byte in `storage`
  std::shared_ptr<Storage> storage;
  std::string held_by;  // not empty: freeing it now is wrong, and who says so
};

/// Page-locked host memory.
struct HostBlock : Owned {
  std::shared_ptr<Storage> storage;
};

class DeviceMemory {
 public:
  static constexpr std::size_t kTotal = std::size_t{8} << 30;  // 8 GiB: valgrind takes no 64

  DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  ~DeviceMemory();

  /// Gives the allocation an address and an id. False: no addresses left.
  bool place(const std::shared_ptr<Allocation>& allocation);
  /// The allocation that holds the address; null: none.
  [[nodiscard]] std::shared_ptr<Allocation> find(CUdeviceptr address) const;
  std::shared_ptr<Allocation> take(CUdeviceptr base);
  [[nodiscard]] bool in_reservation(CUdeviceptr address) const;
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t count(CUcontext context = nullptr) const;
  std::vector<std::shared_ptr<Allocation>> take_all(CUcontext context);
  [[nodiscard]] bool uses(const Storage* storage) const;

  void add_host(std::shared_ptr<HostBlock> block);
  [[nodiscard]] std::shared_ptr<HostBlock> find_host(const void* address) const;
  std::shared_ptr<HostBlock> take_host(const void* base);
  [[nodiscard]] std::size_t count_host(CUcontext context = nullptr) const;
  void take_all_host(CUcontext context);

 private:
  [[nodiscard]] std::optional<CUdeviceptr> find_gap(std::size_t span) const;

  void* reservation_ = nullptr;
  CUdeviceptr base_ = 0;
  CUdeviceptr next_ = 0;
  bool reuse_ = false;
  std::uint64_t next_id_ = 1;
  std::size_t used_ = 0;
  std::map<CUdeviceptr, std::shared_ptr<Allocation>> allocations_;
  std::map<const std::byte*, std::shared_ptr<HostBlock>> host_;
};

}  // namespace lumen::sim
