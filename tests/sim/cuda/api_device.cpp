// Initialization, the one device, contexts.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "exports.h"
#include "simulator.h"

using namespace lumen::sim;

namespace {

constexpr int kVersion = 12040;
constexpr char kName[] = "lumen CUDA stand-in";
constexpr char kPciBusId[] = "0000:00:00.0";
constexpr std::string_view kUuid = "6c756d656e2d637564612d7374616e64";  // "lumen-cuda-stand"

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// 32 hexadecimal digits; dashes are skipped. False: something else.
bool parse_uuid(std::string_view text, CUuuid& uuid) {
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '-') continue;
    if (nibble(c) < 0 || digits == 32) return false;
    char& byte = uuid.bytes[digits / 2];
    byte = static_cast<char>(digits % 2 == 0 ? nibble(c) << 4 : byte | nibble(c));
    ++digits;
  }
  return digits == 32;
}

int attribute(CUdevice_attribute which) {
  switch (which) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: return 7;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: return 5;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return 1;
    case CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT: return 512;
    case CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT: return 32;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: return 1'000'000;
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: return 256;
    case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
    case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING: return 1;
    default: return 0;
  }
}

CUresult copy_text(const char* text, char* to, int length) {
  if (to == nullptr || length <= 0) return kInvalidValue;
  const std::size_t count = std::min(std::strlen(text), static_cast<std::size_t>(length) - 1);
  std::memcpy(to, text, count);
  to[count] = '\0';
  return CUDA_SUCCESS;
}

CUresult release_primary(const char* name, CUdevice device) {
  // Without a current context, and also on a dead one.
  return call(name, Needs::kNothingToRelease, [&](Simulator& sim, Lock& lock) {
    if (device != 0) return kInvalidDevice;
    if (sim.primary_references == 0) {
      sim.violation("the primary context is released more often than retained");
      return kInvalidContext;
    }
    if (--sim.primary_references > 0) return CUDA_SUCCESS;
    const CUcontext gone = sim.primary;
    sim.primary = nullptr;
    sim.destroy_context(lock, gone);
    return CUDA_SUCCESS;
  });
}

}  // namespace

CUresult cuInit(unsigned flags) {
  return call(__func__, Needs::kNothing, [&](Simulator& sim, Lock&) {
    if (flags != 0) return kInvalidValue;
    sim.initialized = true;
    return CUDA_SUCCESS;
  });
}

CUresult cuDriverGetVersion(int* version) {
  return call(__func__, Needs::kNothing, [&](Simulator&, Lock&) {
    if (version == nullptr) return kInvalidValue;
    const char* const asked = std::getenv("LUMEN_SIM_CUDA_VERSION");
    const int other = asked == nullptr ? 0 : std::atoi(asked);
    *version = other > 0 ? other : kVersion;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetCount(int* count) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    if (count == nullptr) return kInvalidValue;
    *count = 1;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    if (device == nullptr) return kInvalidValue;
    if (ordinal != 0) return kInvalidDevice;
    *device = 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    return device != 0 ? kInvalidDevice : copy_text(kName, name, length);
  });
}

CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    if (device != 0) return kInvalidDevice;
    if (uuid == nullptr) return kInvalidValue;
    const char* asked = std::getenv("LUMEN_SIM_CUDA_UUID");
    if (!parse_uuid(asked != nullptr ? asked : kUuid, *uuid)) {
      std::fprintf(stderr, "CUDA stand-in: LUMEN_SIM_CUDA_UUID is not 32 hexadecimal digits\n");
      return kUnknown;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetPCIBusId(char* pci_bus_id, int length, CUdevice device) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    return device != 0 ? kInvalidDevice : copy_text(kPciBusId, pci_bus_id, length);
  });
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice device) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    if (device != 0) return kInvalidDevice;
    if (value == nullptr) return kInvalidValue;
    *value = attribute(which);
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
  return call(__func__, Needs::kInit, [&](Simulator&, Lock&) {
    if (device != 0) return kInvalidDevice;
    if (major == nullptr || minor == nullptr) return kInvalidValue;
    *major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    *minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  return call(__func__, Needs::kInit, [&](Simulator& sim, Lock&) {
    if (device != 0) return kInvalidDevice;
    if (context == nullptr) return kInvalidValue;
    if (sim.primary == nullptr) sim.primary = sim.make_context(/*is_primary=*/true);
    if (sim.find_context(sim.primary)->dead) return kContextIsDestroyed;
    ++sim.primary_references;
    *context = sim.primary;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) { return release_primary(__func__, device); }
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) { return release_primary(__func__, device); }

CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned flags) {
  return call(__func__, Needs::kInit, [&](Simulator& sim, Lock&) {
    if (device != 0) return kInvalidDevice;
    sim.primary_flags = flags;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
  return call(__func__, Needs::kInit, [&](Simulator& sim, Lock&) {
    if (device != 0) return kInvalidDevice;
    if (flags == nullptr || active == nullptr) return kInvalidValue;
    *flags = sim.primary_flags;
    *active = sim.primary_references > 0 ? 1 : 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxCreate_v2(CUcontext* context, unsigned, CUdevice device) {
  return call(__func__, Needs::kInit, [&](Simulator& sim, Lock&) {
    if (device != 0) return kInvalidDevice;
    if (context == nullptr) return kInvalidValue;
    *context = sim.make_context(/*is_primary=*/false);
    sim.push(*context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxDestroy_v2(CUcontext context) {
  return call(__func__, Needs::kInitToRelease, [&](Simulator& sim, Lock& lock) {
    const ContextState* state = sim.find_context(context);
    if (state == nullptr || state->primary) {
      sim.violation(state == nullptr ? "no such context" : "the primary context is not to destroy");
      return kInvalidContext;
    }
    if (sim.current() == context) sim.pop();  // as the driver does
    sim.destroy_context(lock, context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  return call(__func__, Needs::kInit, [&](Simulator& sim, Lock&) {
    const ContextState* state = sim.find_context(context);
    if (state == nullptr) {
      sim.violation("no such context");
      return kInvalidContext;
    }
    if (state->dead) {
      sim.push_refused = true;
      return kContextIsDestroyed;
    }
    sim.push(context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPopCurrent_v2(CUcontext* context) {
  return call(__func__, Needs::kInitToRelease, [&](Simulator& sim, Lock&) {
    const CUcontext popped = sim.pop();
    if (popped == nullptr) {
      sim.violation("nothing was pushed on this thread");
      return kInvalidContext;
    }
    if (context != nullptr) *context = popped;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetCurrent(CUcontext* context) {
  return call(__func__, Needs::kInit, [&](Simulator& sim, Lock&) {
    if (context == nullptr) return kInvalidValue;
    *context = sim.current();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetDevice(CUdevice* device) {
  return call(__func__, Needs::kContext, [&](Simulator&, Lock&) {
    if (device == nullptr) return kInvalidValue;
    *device = 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSetLimit(CUlimit, std::size_t) {
  return call(__func__, Needs::kContext, [](Simulator&, Lock&) { return CUDA_SUCCESS; });
}

// Not counted: asked for while an error is being told.
CUresult cuGetErrorName(CUresult error, const char** text) {
  if (text == nullptr) return kInvalidValue;
  *text = name_of(error);
  return *text == nullptr ? kInvalidValue : CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult error, const char** text) { return cuGetErrorName(error, text); }
