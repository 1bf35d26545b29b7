#include "memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <sys/mman.h>

namespace lumen::sim {
namespace {

constexpr std::size_t kPage = 4096;
constexpr int kPoison = 0xA5;

std::size_t round_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

/// Addresses that an allocation takes: a page more than it has, as a guard.
std::size_t span_of(const Allocation& allocation) {
  return round_up(allocation.size, kPage) + kPage;
}

}  // namespace

std::shared_ptr<Storage> Storage::make_device(std::size_t size) {
  const std::size_t length = round_up(size, kPage);
  void* mapped =
      ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  std::memset(mapped, kPoison, size);
  return std::shared_ptr<Storage>(new Storage(static_cast<std::byte*>(mapped), size,
                                              [mapped, length] { ::munmap(mapped, length); }));
}

std::shared_ptr<Storage> Storage::make_host(std::size_t size) {
  void* block = std::aligned_alloc(kPage, round_up(size, kPage));
  if (block == nullptr) return nullptr;
  std::memset(block, kPoison, size);
  return std::shared_ptr<Storage>(
      new Storage(static_cast<std::byte*>(block), size, [block] { std::free(block); }));
}

std::shared_ptr<Storage> Storage::map_file(int fd, std::size_t offset, std::size_t size) {
  const std::size_t length = offset + size;
  void* mapped = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return nullptr;
  return std::shared_ptr<Storage>(new Storage(static_cast<std::byte*>(mapped) + offset, size,
                                              [mapped, length] { ::munmap(mapped, length); }));
}

DeviceMemory::DeviceMemory() {
  reservation_ =
      ::mmap(nullptr, kTotal, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reservation_ == MAP_FAILED) {
    std::perror("CUDA stand-in: no addresses for device memory");
    std::abort();
  }
  base_ = reinterpret_cast<CUdeviceptr>(reservation_);
  next_ = base_;
  const char* reuse = std::getenv("LUMEN_SIM_CUDA_REUSE");
  reuse_ = reuse != nullptr && std::string_view(reuse) == "1";
}

DeviceMemory::~DeviceMemory() { ::munmap(reservation_, kTotal); }

std::optional<CUdeviceptr> DeviceMemory::find_gap(std::size_t span) const {
  CUdeviceptr at = reuse_ ? base_ : next_;
  if (reuse_) {
    for (const auto& [address, allocation] : allocations_) {
      if (address - at >= span) break;
      at = address + span_of(*allocation);
    }
  }
  if (at + span > base_ + kTotal) return std::nullopt;
  return at;
}

bool DeviceMemory::place(const std::shared_ptr<Allocation>& allocation) {
  const std::size_t span = span_of(*allocation);
  const auto at = find_gap(span);
  if (!at) return false;
  next_ = *at + span;
  allocation->address = *at;
  allocation->id = next_id_++;
  used_ += allocation->size;
  allocations_.emplace(*at, allocation);
  return true;
}

std::shared_ptr<Allocation> DeviceMemory::find(CUdeviceptr address) const {
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return nullptr;
  const auto& allocation = std::prev(after)->second;
  return address - allocation->address < allocation->size ? allocation : nullptr;
}

std::shared_ptr<Allocation> DeviceMemory::take(CUdeviceptr base) {
  const auto entry = allocations_.find(base);
  if (entry == allocations_.end()) return nullptr;
  auto allocation = std::move(entry->second);
  allocations_.erase(entry);
  used_ -= allocation->size;
  return allocation;
}

bool DeviceMemory::in_reservation(CUdeviceptr address) const {
  return address >= base_ && address < base_ + kTotal;
}

std::size_t DeviceMemory::count(CUcontext context) const {
  std::size_t count = 0;
  for (const auto& [address, allocation] : allocations_) {
    // The address of an EGL frame belongs to its graphics resource.
    if (allocation->kind == Allocation::Kind::kEglFrame) continue;
    if (context == nullptr || allocation->context == context) ++count;
  }
  return count;
}

std::vector<std::shared_ptr<Allocation>> DeviceMemory::take_all(CUcontext context) {
  std::vector<std::shared_ptr<Allocation>> taken;
  std::erase_if(allocations_, [&](auto& entry) {
    if (entry.second->context != context) return false;
    used_ -= entry.second->size;
    taken.push_back(std::move(entry.second));
    return true;
  });
  return taken;
}

bool DeviceMemory::uses(const Storage* storage) const {
  return std::ranges::any_of(
      allocations_, [&](const auto& entry) { return entry.second->storage.get() == storage; });
}

void DeviceMemory::add_host(std::shared_ptr<HostBlock> block) {
  const std::byte* base = block->storage->data();
  host_.emplace(base, std::move(block));
}

std::shared_ptr<HostBlock> DeviceMemory::find_host(const void* address) const {
  const auto* wanted = static_cast<const std::byte*>(address);
  auto after = host_.upper_bound(wanted);
  if (after == host_.begin()) return nullptr;
  const auto& [base, block] = *std::prev(after);
  return static_cast<std::size_t>(wanted - base) < block->storage->size() ? block : nullptr;
}

std::shared_ptr<HostBlock> DeviceMemory::take_host(const void* base) {
  const auto entry = host_.find(static_cast<const std::byte*>(base));
  if (entry == host_.end()) return nullptr;
  auto block = std::move(entry->second);
  host_.erase(entry);
  return block;
}

std::size_t DeviceMemory::count_host(CUcontext context) const {
  std::size_t count = 0;
  for (const auto& [base, block] : host_) {
    if (context == nullptr || block->context == context) ++count;
  }
  return count;
}

void DeviceMemory::take_all_host(CUcontext context) {
  std::erase_if(host_, [&](const auto& entry) { return entry.second->context == context; });
}

}  // namespace lumen::sim
