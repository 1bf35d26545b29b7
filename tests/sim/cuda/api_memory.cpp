// Allocations, page-locked host memory, arrays, external memory.
#include <cstdint>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exports.h"
#include "simulator.h"

using namespace lumen::sim;

namespace {

constexpr std::size_t kPitchAlignment = 512;  // of today's GPUs

CUresult allocate(Simulator& sim, std::size_t size, CUdeviceptr* address) {
  if (size > DeviceMemory::kTotal - sim.memory.used()) return kOutOfMemory;
  auto allocation = std::make_shared<Allocation>();
  allocation->context = sim.current();
  allocation->size = size;
  allocation->storage = Storage::make_device(size);
  if (allocation->storage == nullptr || !sim.memory.place(allocation)) return kOutOfMemory;
  *address = allocation->address;
  return CUDA_SUCCESS;
}

/// Where the bytes of an exported allocation begin in its file.
struct Found {
  std::size_t offset = 0;
  bool ok = false;
};

// A plain file holds nothing else. Mesa's software drivers put {size of the file, offset of the
// data, 16 bytes} at the start and the offset once more right before the data
// (src/util/os_memory_fd.c, Mesa 22 to 25).
Found find_data(int fd, std::size_t size) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const auto file_size = static_cast<std::size_t>(info.st_size);
  if (file_size < size) return {};
  std::uint64_t header[2] = {};
  if (file_size > size && ::pread(fd, header, sizeof header, 0) == sizeof header) {
    const std::uint64_t offset = header[1];
    std::uint64_t again = 0;
    if (header[0] <= file_size && offset >= 40 && offset <= file_size - size &&
        ::pread(fd, &again, sizeof again, static_cast<off_t>(offset - sizeof again)) ==
            sizeof again &&
        again == offset) {
      return {offset, true};
    }
  }
  return {0, true};
}

}  // namespace

CUresult cuMemAlloc_v2(CUdeviceptr* address, std::size_t size) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (address == nullptr || size == 0) return kInvalidValue;
    return allocate(sim, size, address);
  });
}

CUresult cuMemAllocPitch_v2(CUdeviceptr* address, std::size_t* pitch, std::size_t width_bytes,
                            std::size_t height, unsigned element_bytes) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (address == nullptr || pitch == nullptr || width_bytes == 0 || height == 0) {
      return kInvalidValue;
    }
    if (element_bytes != 4 && element_bytes != 8 && element_bytes != 16) return kInvalidValue;
    *pitch = (width_bytes + kPitchAlignment - 1) / kPitchAlignment * kPitchAlignment;
    return allocate(sim, *pitch * height, address);
  });
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock& lock) {
    const auto allocation = sim.memory.find(address);
    if (allocation == nullptr || allocation->address != address ||
        allocation->kind == Allocation::Kind::kEglFrame) {
      sim.violation("not an address that was allocated, or freed before");
      return kInvalidValue;
    }
    if (!allocation->held_by.empty()) {
      sim.violation("frees memory that is still " + allocation->held_by);
    }
    sim.streams.finish_users_of(lock, allocation->storage.get());  // as the driver does
    sim.memory.take(address);
    return CUDA_SUCCESS;
  });
}

CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (free == nullptr || total == nullptr) return kInvalidValue;
    *total = DeviceMemory::kTotal;
    *free = DeviceMemory::kTotal - sim.memory.used();
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostAlloc(void** pointer, std::size_t size, unsigned flags) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (pointer == nullptr || size == 0 || flags > 7) return kInvalidValue;
    auto block = std::make_shared<HostBlock>();
    block->context = sim.current();
    block->storage = Storage::make_host(size);
    if (block->storage == nullptr) return kOutOfMemory;
    *pointer = block->storage->data();
    sim.memory.add_host(std::move(block));
    return CUDA_SUCCESS;
  });
}

CUresult cuMemFreeHost(void* pointer) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock& lock) {
    const auto block = sim.memory.find_host(pointer);
    if (block == nullptr || block->storage->data() != pointer) {
      sim.violation("not page-locked memory, or freed before");
      return kInvalidValue;
    }
    sim.streams.finish_users_of(lock, block->storage.get());
    sim.memory.take_host(pointer);
    return CUDA_SUCCESS;
  });
}

CUresult cuArray3DCreate_v2(CUarray* handle, const CUDA_ARRAY3D_DESCRIPTOR* description) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || description == nullptr) return kInvalidValue;
    const CUDA_ARRAY3D_DESCRIPTOR& d = *description;
    if (d.Depth != 0 || d.Width == 0 || d.Height == 0 || d.Format != CU_AD_FORMAT_UNSIGNED_INT8 ||
        (d.NumChannels != 1 && d.NumChannels != 2 && d.NumChannels != 4)) {
      return kNotSupported;
    }
    auto array = std::make_shared<Array>();
    array->context = sim.current();
    array->width = d.Width;
    array->height = d.Height;
    array->channels = d.NumChannels;
    array->element_bytes = d.NumChannels;
    array->storage = Storage::make_device(array->row_bytes() * d.Height);
    if (array->storage == nullptr) return kOutOfMemory;
    *handle = sim.arrays.insert(std::move(array));
    return CUDA_SUCCESS;
  });
}

CUresult cuArrayDestroy(CUarray handle) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock& lock) {
    const auto array = sim.arrays.find(handle);
    if (array == nullptr || array->of_resource) {
      sim.violation(array == nullptr ? "no such array, or destroyed before"
                                     : "destroys the array of a graphics resource");
      return kInvalidHandle;
    }
    if (!sim.streams.users_of(array->storage.get()).empty()) {
      sim.violation("destroys an array that queued work uses");
      sim.streams.finish_users_of(lock, array->storage.get());
    }
    sim.arrays.take(handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuImportExternalMemory(CUexternalMemory* memory,
                                const CUDA_EXTERNAL_MEMORY_HANDLE_DESC* description) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (memory == nullptr || description == nullptr) return kInvalidValue;
    // As seen on driver 580: type 9, a dmabuf, gives NOT_SUPPORTED, and so do the Windows ones
    // here.
    if (description->type != CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD) return kNotSupported;
    if (description->size == 0) return kInvalidValue;
    const int fd = description->handle.fd;
    const Found found = find_data(fd, description->size);
    // The same driver answers UNKNOWN to a file that is not of a Vulkan export.
    if (!found.ok || ::fcntl(fd, F_GET_SEALS) < 0) return kUnknown;
    auto imported = std::make_shared<ExternalMemory>();
    imported->context = sim.current();
    imported->storage = Storage::map_file(fd, found.offset, description->size);
    if (imported->storage == nullptr) return kUnknown;
    ::close(fd);  // ours from here on
    *memory = sim.external_memory.insert(std::move(imported));
    return CUDA_SUCCESS;
  });
}

CUresult cuExternalMemoryGetMappedBuffer(CUdeviceptr* address, CUexternalMemory memory,
                                         const CUDA_EXTERNAL_MEMORY_BUFFER_DESC* description) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (address == nullptr || description == nullptr || description->flags != 0) {
      return kInvalidValue;
    }
    const auto imported = sim.external_memory.find(memory);
    if (imported == nullptr) {
      sim.violation("no such external memory");
      return kInvalidHandle;
    }
    const std::size_t size = imported->storage->size();
    if (description->size == 0 || description->offset > size ||
        description->size > size - description->offset) {
      sim.violation("maps more than the external memory has");
      return kInvalidValue;
    }
    auto allocation = std::make_shared<Allocation>();
    allocation->context = sim.current();
    allocation->kind = Allocation::Kind::kExternal;
    allocation->size = description->size;
    allocation->offset = description->offset;
    allocation->storage = imported->storage;
    if (!sim.memory.place(allocation)) return kOutOfMemory;
    *address = allocation->address;
    return CUDA_SUCCESS;
  });
}

CUresult cuDestroyExternalMemory(CUexternalMemory memory) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock&) {
    const auto imported = sim.external_memory.find(memory);
    if (imported == nullptr) {
      sim.violation("no such external memory, or destroyed before");
      return kInvalidHandle;
    }
    // cuda.h: "all mappings must be freed" first.
    if (sim.memory.uses(imported->storage.get())) {
      sim.violation("external memory destroyed before the buffers mapped from it are freed");
    }
    sim.external_memory.take(memory);
    return CUDA_SUCCESS;
  });
}
