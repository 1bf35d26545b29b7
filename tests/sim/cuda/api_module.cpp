// Modules, kernels, texture objects.
#include <cstring>
#include <string>
#include <string_view>

#include "exports.h"
#include "kernels.h"
#include "simulator.h"
#include "zerocopy/cuda/kernels/blend_kernel.h"
#include "zerocopy/cuda/kernels/convert_kernel.h"

using namespace lumen::sim;

namespace {

bool knows_kernel(std::string_view name, Kernel& kernel) {
  if (name == lumen::cuda::kConvertYuvKernel) {
    kernel = Kernel::kConvertYuv;
  } else if (name == lumen::cuda::kConvertYuvTenKernel) {
    kernel = Kernel::kConvertYuvTen;
  } else if (name == lumen::cuda::kConvertPackedKernel) {
    kernel = Kernel::kConvertPacked;
  } else if (name == lumen::cuda::kBlendKernel) {
    kernel = Kernel::kBlend;
  } else if (name == lumen::cuda::kBlendTenKernel) {
    kernel = Kernel::kBlendTen;
  } else {
    return false;
  }
  return true;
}

}  // namespace

// The text is not compiled: what the stand-in runs is the C++ that the PTX was made from.
CUresult cuModuleLoadData(CUmodule* handle, const void* image) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || image == nullptr) return kInvalidValue;
    const std::string_view text = static_cast<const char*>(image);
    if (text.find(".version") == std::string_view::npos ||
        text.find(".target") == std::string_view::npos) {
      return kInvalidImage;
    }
    auto module = std::make_shared<Module>();
    module->context = sim.current();
    module->text = text;
    *handle = sim.modules.insert(std::move(module));
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleUnload(CUmodule handle) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock&) {
    if (sim.modules.take(handle) == nullptr) {
      sim.violation("no such module, or unloaded before");
      return kInvalidHandle;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetFunction(CUfunction* handle, CUmodule module_handle, const char* name) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || name == nullptr) return kInvalidValue;
    const auto module = sim.modules.find(module_handle);
    if (module == nullptr) {
      sim.violation("no such module");
      return kInvalidHandle;
    }
    auto function = std::make_shared<Function>();
    if (module->text.find(std::string(".entry ") + name + "(") == std::string::npos ||
        !knows_kernel(name, function->kernel)) {
      return kNotFound;
    }
    function->context = sim.current();
    function->module = module_handle;
    *handle = sim.functions.insert(std::move(function));
    return CUDA_SUCCESS;
  });
}

CUresult cuLaunchKernel(CUfunction handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        CUstream stream_handle, void** parameters, void** extra) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto function = sim.functions.find(handle);
    const auto stream = sim.find_stream(stream_handle);
    if (function == nullptr || stream == nullptr || sim.modules.find(function->module) == nullptr) {
      sim.violation("no such function or stream, or its module is unloaded");
      return kInvalidHandle;
    }
    if (grid_x == 0 || grid_y == 0 || grid_z != 1 || block_x == 0 || block_y == 0 || block_z != 1 ||
        block_x * block_y > 1024 || shared_bytes != 0 || extra != nullptr ||
        parameters == nullptr || parameters[0] == nullptr) {
      return kInvalidValue;
    }
    return submit_kernel(sim, lock, stream, function->kernel, parameters[0],
                         {grid_x * block_x, grid_y * block_y});
  });
}

CUresult cuTexObjectCreate(CUtexObject* handle, const CUDA_RESOURCE_DESC* resource,
                           const CUDA_TEXTURE_DESC* texture, const CUDA_RESOURCE_VIEW_DESC* view) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || resource == nullptr || texture == nullptr) return kInvalidValue;
    // What lumen's kernels expect: an array, read as integers at whole texels.
    if (resource->resType != CU_RESOURCE_TYPE_ARRAY || view != nullptr) return kNotSupported;
    if (texture->filterMode != CU_TR_FILTER_MODE_POINT ||
        (texture->flags & CU_TRSF_READ_AS_INTEGER) == 0) {
      return kNotSupported;
    }
    const auto array = sim.arrays.find(resource->res.array.hArray);
    if (array == nullptr || !array->mapped) {
      sim.violation("a texture object of an array that does not exist or is not mapped");
      return kInvalidHandle;
    }
    auto object = std::make_shared<Texture>();
    object->context = sim.current();
    object->array_handle = resource->res.array.hArray;
    object->array = array;
    *handle = sim.textures.insert(std::move(object));
    return CUDA_SUCCESS;
  });
}

CUresult cuTexObjectDestroy(CUtexObject handle) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock& lock) {
    const auto object = sim.textures.find(handle);
    if (object == nullptr) {
      sim.violation("no such texture object, or destroyed before");
      return kInvalidHandle;
    }
    if (!sim.streams.users_of(object.get()).empty()) {
      sim.violation("destroys a texture object that queued work uses");
      sim.streams.finish_users_of(lock, object.get());
    }
    sim.textures.take(handle);
    return CUDA_SUCCESS;
  });
}
