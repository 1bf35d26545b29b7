#include "copy.h"

#include <cstring>
#include <utility>

namespace lumen::sim {
namespace {

/// From the first byte of the first row to the last of the last one.
std::size_t bytes_spanned(std::size_t pitch, Extent2D extent) {
  return (extent.height - 1) * pitch + extent.width_bytes;
}

bool pitch_fits(Simulator& sim, std::size_t pitch, Extent2D extent) {
  if (extent.height <= 1 || pitch >= extent.width_bytes) return true;
  sim.violation("a row of " + std::to_string(extent.width_bytes) + " bytes and a pitch of " +
                std::to_string(pitch));
  return false;
}

std::vector<std::shared_ptr<const void>> used_by(const Rows& from, const Rows& to) {
  std::vector<std::shared_ptr<const void>> used;
  if (from.storage != nullptr) used.push_back(from.storage);
  if (to.storage != nullptr) used.push_back(to.storage);
  return used;
}

}  // namespace

Rows rows_of_device(Simulator& sim, CUdeviceptr address, std::size_t pitch, Extent2D extent,
                    Access access) {
  const auto allocation = sim.memory.find(address);
  if (allocation == nullptr) {
    sim.violation(sim.memory.in_reservation(address)
                      ? "device address of memory that is freed or never was"
                      : "not a device address");
    return {};
  }
  if (!pitch_fits(sim, pitch, extent)) return {};
  const std::size_t offset = address - allocation->address;
  const std::size_t span = bytes_spanned(pitch, extent);
  if (span > allocation->size - offset) {
    sim.violation("reaches " + std::to_string(offset + span - allocation->size) +
                  " bytes past allocation " + std::to_string(allocation->id) + " of " +
                  std::to_string(allocation->size) + " bytes");
    return {};
  }
  if (access == Access::kWrite && allocation->kind == Allocation::Kind::kEglFrame) {
    sim.violation("writes to an EGL frame");
    return {};
  }
  return {allocation->storage->data() + allocation->offset + offset, pitch, allocation->storage,
          false};
}

Rows rows_of_array(Simulator& sim, CUarray handle, std::size_t x_bytes, std::size_t y,
                   Extent2D extent, Access access) {
  const auto array = sim.arrays.find(handle);
  if (array == nullptr) {
    sim.violation("no such array");
    return {};
  }
  if (!array->mapped) {
    sim.violation("array of a graphics resource that is not mapped");
    return {};
  }
  if (x_bytes + extent.width_bytes > array->row_bytes() || y + extent.height > array->height) {
    sim.violation("reaches past an array of " + std::to_string(array->row_bytes()) + "×" +
                  std::to_string(array->height) + " bytes");
    return {};
  }
  if (access == Access::kWrite && array->read_only) {
    sim.violation("writes to an array of a graphics resource");
    return {};
  }
  return {array->storage->data() + y * array->row_bytes() + x_bytes, array->row_bytes(),
          array->storage, false};
}

Rows rows_of_host(Simulator& sim, const void* memory, std::size_t pitch, Extent2D extent) {
  auto* first = static_cast<std::byte*>(const_cast<void*>(memory));
  if (first == nullptr) {
    sim.violation("null host memory");
    return {};
  }
  if (sim.memory.in_reservation(reinterpret_cast<CUdeviceptr>(memory))) {
    sim.violation("a device address as host memory");
    return {};
  }
  if (!pitch_fits(sim, pitch, extent)) return {};
  const auto block = sim.memory.find_host(memory);
  if (block == nullptr) return {first, pitch, nullptr, true};
  const auto offset = static_cast<std::size_t>(first - block->storage->data());
  if (bytes_spanned(pitch, extent) > block->storage->size() - offset) {
    sim.violation("reaches past page-locked memory of " + std::to_string(block->storage->size()) +
                  " bytes");
    return {};
  }
  return {first, pitch, block->storage, false};
}

void copy_now(const Rows& from, const Rows& to, Extent2D extent) {
  if (from.storage != nullptr && from.storage->refresh) from.storage->refresh(*from.storage);
  for (std::size_t y = 0; y < extent.height; ++y) {
    std::memmove(to.first + y * to.pitch, from.first + y * from.pitch, extent.width_bytes);
  }
}

CUresult submit_copy(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream, Rows from,
                     Rows to, Extent2D extent) {
  if (from.first == nullptr || to.first == nullptr) return kInvalidValue;
  if (stream == nullptr) {
    sim.violation("no such stream");
    return kInvalidHandle;
  }
  if (from.pageable) {
    auto staged = Storage::make_device(extent.width_bytes * extent.height);
    if (staged == nullptr) return kOutOfMemory;
    const Rows rows{staged->data(), extent.width_bytes, staged, false};
    copy_now(from, rows, extent);
    from = rows;
  }
  const bool wait = to.pageable;
  Op op;
  op.uses = used_by(from, to);
  op.work = [from = std::move(from), to = std::move(to), extent] { copy_now(from, to, extent); };
  sim.streams.submit(lock, stream, std::move(op));
  if (!wait) return CUDA_SUCCESS;
  sim.streams.synchronize(lock, stream, stream->submitted);
  return sim.after_waiting();
}

CUresult submit_fill(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream, Rows to,
                     Extent2D extent, unsigned char value) {
  if (to.first == nullptr) return kInvalidValue;
  if (stream == nullptr) {
    sim.violation("no such stream");
    return kInvalidHandle;
  }
  Op op;
  op.uses = used_by({}, to);
  op.work = [to = std::move(to), extent, value] {
    for (std::size_t y = 0; y < extent.height; ++y) {
      std::memset(to.first + y * to.pitch, value, extent.width_bytes);
    }
  };
  sim.streams.submit(lock, stream, std::move(op));
  return CUDA_SUCCESS;
}

}  // namespace lumen::sim
