// Textures of a GL context and EGLImages as CUDA arrays.
#include <cstdlib>
#include <string>
#include <string_view>

#include "exports.h"
#include "simulator.h"

using namespace lumen::sim;

namespace {

// cudaEGL.h: named from the highest byte of a little-endian word down.
constexpr auto kColorArgb = static_cast<CUeglColorFormat>(0x06);  // B, G, R, A in memory
constexpr auto kColorAbgr = static_cast<CUeglColorFormat>(0x0E);  // R, G, B, A in memory

constexpr unsigned kKnownFlags =
    CU_GRAPHICS_REGISTER_FLAGS_READ_ONLY | CU_GRAPHICS_REGISTER_FLAGS_WRITE_DISCARD |
    CU_GRAPHICS_REGISTER_FLAGS_SURFACE_LDST | CU_GRAPHICS_REGISTER_FLAGS_TEXTURE_GATHER;

enum class EglFrames { kArray, kPitch, kRefused };

EglFrames egl_frames() {
  const char* value = std::getenv("LUMEN_SIM_CUDA_EGL");
  const std::string_view kind = value == nullptr ? "array" : value;
  if (kind == "pitch") return EglFrames::kPitch;
  return kind == "refuse" ? EglFrames::kRefused : EglFrames::kArray;
}

std::size_t byte_count(int width, int height) {
  return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4;
}

std::shared_ptr<Array> make_array(Simulator& sim, int width, int height) {
  auto array = std::make_shared<Array>();
  array->context = sim.current();
  array->width = static_cast<std::size_t>(width);
  array->height = static_cast<std::size_t>(height);
  array->channels = 4;
  array->element_bytes = 4;
  array->of_resource = true;
  array->read_only = true;
  array->storage = Storage::make_device(byte_count(width, height));
  return array->storage == nullptr ? nullptr : array;
}

std::shared_ptr<Resource> require_resource(Simulator& sim, CUgraphicsResource handle) {
  auto resource = sim.resources.find(handle);
  if (resource == nullptr) sim.violation("no such graphics resource, or unregistered before");
  return resource;
}

/// The image is read whenever device work reads the frame.
void read_image_on_use(Storage& storage, const std::shared_ptr<EglSource>& source) {
  storage.refresh = [source](Storage& into) {
    std::string why;
    if (source->context == nullptr) {
      simulator().violation("reads an EGL frame whose resource is unregistered");
    } else if (!egl_read(*source, into.data(), why)) {
      simulator().violation("can't read an EGL frame: " + why);
    }
  };
}

/// Storage that queued work may read through this resource.
std::shared_ptr<Storage> storage_of(Simulator& sim, const Resource& resource) {
  if (const auto array = sim.arrays.find(resource.array)) return array->storage;
  if (const auto allocation = sim.memory.find(resource.address)) return allocation->storage;
  return nullptr;
}

bool map_gl(Simulator& sim, Resource& resource, const std::shared_ptr<Stream>& stream,
            CUresult& error) {
  std::string why;
  auto array = make_array(sim, resource.texture.width, resource.texture.height);
  if (array == nullptr) {
    error = kOutOfMemory;
    return false;
  }
  error = gl_read(resource.texture, array->storage->data(), why);
  if (error != CUDA_SUCCESS) {
    sim.violation("can't map a GL texture: " + why);
    return false;
  }
  resource.array = sim.arrays.insert(std::move(array));
  resource.mapped_on = stream;
  return true;
}

void unmap_gl(Simulator& sim, Resource& resource) {
  sim.arrays.take(resource.array)->mapped = false;
  resource.array = nullptr;
  resource.mapped_on = nullptr;
}

}  // namespace

CUresult cuGraphicsGLRegisterImage(CUgraphicsResource* handle, unsigned texture, unsigned target,
                                   unsigned flags) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || (flags & ~kKnownFlags) != 0) return kInvalidValue;
    auto resource = std::make_shared<Resource>();
    resource->context = sim.current();
    std::string why;
    const CUresult described = gl_describe(texture, target, resource->texture, why);
    if (described != CUDA_SUCCESS) {
      if (described == kInvalidGraphicsContext) sim.violation(why);
      return described;
    }
    *handle = sim.resources.insert(std::move(resource));
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphicsEGLRegisterImage(CUgraphicsResource* handle, lumen::cuda::EglImage image,
                                    unsigned flags) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || image == nullptr || (flags & ~kKnownFlags) != 0) return kInvalidValue;
    const EglFrames frames = egl_frames();
    if (frames == EglFrames::kRefused) return kInvalidValue;
    std::string why;
    auto source = egl_import(image, why);
    if (source == nullptr) {
      std::fprintf(stderr, "CUDA stand-in: EGLImage refused: %s\n", why.c_str());
      return kInvalidValue;
    }
    auto resource = std::make_shared<Resource>();
    resource->context = sim.current();
    resource->kind = Resource::Kind::kEgl;
    auto array = make_array(sim, source->width, source->height);
    if (array == nullptr) {
      gl_release(*source);
      return kOutOfMemory;
    }
    CUeglFrame& frame = resource->frame;
    frame.width = static_cast<unsigned>(source->width);
    frame.height = static_cast<unsigned>(source->height);
    frame.planeCount = 1;
    frame.numChannels = 4;
    frame.eglColorFormat = source->blue_first ? kColorArgb : kColorAbgr;
    frame.cuFormat = CU_AD_FORMAT_UNSIGNED_INT8;
    read_image_on_use(*array->storage, source);
    if (frames == EglFrames::kPitch) {
      auto allocation = std::make_shared<Allocation>();
      allocation->context = sim.current();
      allocation->kind = Allocation::Kind::kEglFrame;
      allocation->storage = array->storage;
      allocation->size = array->storage->size();
      if (!sim.memory.place(allocation)) {
        gl_release(*source);
        return kOutOfMemory;
      }
      resource->address = allocation->address;
      frame.frameType = CU_EGL_FRAME_TYPE_PITCH;
      frame.pitch = frame.width * 4;
      frame.frame.pPitch[0] = reinterpret_cast<void*>(resource->address);
    } else {
      resource->array = sim.arrays.insert(array);
      frame.frameType = CU_EGL_FRAME_TYPE_ARRAY;
      frame.frame.pArray[0] = resource->array;
    }
    resource->source = std::move(source);
    *handle = sim.resources.insert(std::move(resource));
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphicsResourceGetMappedEglFrame(CUeglFrame* frame, CUgraphicsResource handle,
                                             unsigned index, unsigned mip_level) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    const auto resource = require_resource(sim, handle);
    if (resource == nullptr || resource->kind != Resource::Kind::kEgl) return kInvalidHandle;
    if (frame == nullptr || index != 0 || mip_level != 0) return kInvalidValue;
    *frame = resource->frame;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphicsUnregisterResource(CUgraphicsResource handle) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock& lock) {
    const auto resource = require_resource(sim, handle);
    if (resource == nullptr) return kInvalidHandle;
    if (resource->mapped_on != nullptr) sim.violation("unregisters a resource that is mapped");
    if (const auto storage = storage_of(sim, *resource)) {
      if (!sim.streams.users_of(storage.get()).empty()) {
        sim.violation("unregisters a resource that queued work reads");
        sim.streams.finish_users_of(lock, storage.get());
      }
    }
    if (resource->mapped_on != nullptr) unmap_gl(sim, *resource);
    if (const auto array = sim.arrays.take(resource->array)) array->mapped = false;
    if (resource->address != 0) sim.memory.take(resource->address);
    if (resource->source != nullptr) gl_release(*resource->source);
    sim.resources.take(handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphicsMapResources(unsigned count, CUgraphicsResource* handles,
                                CUstream stream_handle) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    const auto stream = sim.find_stream(stream_handle);
    if (stream == nullptr || count == 0 || handles == nullptr) return kInvalidHandle;
    for (unsigned i = 0; i < count; ++i) {
      const auto resource = require_resource(sim, handles[i]);
      // An EGLImage is there as long as it is registered; there is nothing to map.
      if (resource == nullptr || resource->kind != Resource::Kind::kGl) return kInvalidHandle;
      if (resource->mapped_on != nullptr) {
        sim.violation("maps a resource that is mapped");
        return kAlreadyMapped;
      }
    }
    for (unsigned i = 0; i < count; ++i) {
      CUresult error = CUDA_SUCCESS;
      if (map_gl(sim, *sim.resources.find(handles[i]), stream, error)) continue;
      while (i > 0) unmap_gl(sim, *sim.resources.find(handles[--i]));
      return error;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphicsUnmapResources(unsigned count, CUgraphicsResource* handles,
                                  CUstream stream_handle) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock&) {
    const auto stream = sim.find_stream(stream_handle);
    if (stream == nullptr || count == 0 || handles == nullptr) return kInvalidHandle;
    for (unsigned i = 0; i < count; ++i) {
      const auto resource = require_resource(sim, handles[i]);
      if (resource == nullptr) return kInvalidHandle;
      if (resource->mapped_on == nullptr) {
        sim.violation("unmaps a resource that is not mapped");
        return kNotMapped;
      }
      // Only work of this stream is done before GL goes on (cuGraphicsUnmapResources).
      for (const auto& user : sim.streams.users_of(storage_of(sim, *resource).get())) {
        if (user != stream) sim.violation("unmaps a resource that work on another stream reads");
      }
      unmap_gl(sim, *resource);
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphicsSubResourceGetMappedArray(CUarray* array, CUgraphicsResource handle,
                                             unsigned index, unsigned mip_level) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    const auto resource = require_resource(sim, handle);
    if (resource == nullptr) return kInvalidHandle;
    if (array == nullptr || index != 0 || mip_level != 0) return kInvalidValue;
    if (resource->kind == Resource::Kind::kGl && resource->mapped_on == nullptr) {
      sim.violation("array of a resource that is not mapped");
      return kNotMapped;
    }
    if (resource->array == nullptr) return result(212);  // CUDA_ERROR_NOT_MAPPED_AS_ARRAY
    *array = resource->array;
    return CUDA_SUCCESS;
  });
}

CUresult cuGLGetDevices_v2(unsigned* count, CUdevice* devices, unsigned capacity, CUGLDeviceList) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    if (count == nullptr || devices == nullptr || capacity == 0) return kInvalidValue;
    *count = 1;
    devices[0] = 0;
    return CUDA_SUCCESS;
  });
}
