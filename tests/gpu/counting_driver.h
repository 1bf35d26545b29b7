// A driver table that counts the calls which have no place in the steady state: whatever allocates,
// registers or creates.
#pragma once

#include <atomic>
#include <memory>

#include "zerocopy/cuda/driver.h"

namespace lumen::test {

inline std::atomic<unsigned> counted_calls{0};

template <auto kMember>
class CountedCall;

/// One function of the table; the original is kept beside it.
template <typename R, typename... A, R (*cuda::Driver::*kMember)(A...)>
class CountedCall<kMember> {
 public:
  static void wrap(cuda::Driver& driver) {
    original_ = driver.*kMember;
    if (original_ != nullptr) driver.*kMember = call;
  }

 private:
  static R call(A... arguments) {
    ++counted_calls;
    return original_(arguments...);
  }
  static inline R (*original_)(A...) = nullptr;
};

inline std::shared_ptr<const cuda::Driver> counting(const cuda::Driver& driver) {
  using cuda::Driver;
  auto table = std::make_shared<Driver>(driver);
  CountedCall<&Driver::cuMemAllocPitch>::wrap(*table);
  CountedCall<&Driver::cuMemFree>::wrap(*table);
  CountedCall<&Driver::cuMemHostAlloc>::wrap(*table);
  CountedCall<&Driver::cuMemFreeHost>::wrap(*table);
  CountedCall<&Driver::cuArray3DCreate>::wrap(*table);
  CountedCall<&Driver::cuStreamCreate>::wrap(*table);
  CountedCall<&Driver::cuEventCreate>::wrap(*table);
  CountedCall<&Driver::cuModuleLoadData>::wrap(*table);
  CountedCall<&Driver::cuTexObjectCreate>::wrap(*table);
  CountedCall<&Driver::cuTexObjectDestroy>::wrap(*table);
  CountedCall<&Driver::cuImportExternalMemory>::wrap(*table);
  CountedCall<&Driver::cuExternalMemoryGetMappedBuffer>::wrap(*table);
  CountedCall<&Driver::cuImportExternalSemaphore>::wrap(*table);
  CountedCall<&Driver::cuGraphicsGLRegisterImage>::wrap(*table);
  CountedCall<&Driver::cuGraphicsEGLRegisterImage>::wrap(*table);
  CountedCall<&Driver::cuGraphicsUnregisterResource>::wrap(*table);
  return table;
}

}  // namespace lumen::test
