// CUresult values that the stand-in returns and ffnvcodec's header does not name (cuda.h).
#pragma once

#include "zerocopy/cuda/driver_types.h"

namespace lumen::sim {

constexpr CUresult result(int code) { return static_cast<CUresult>(code); }

inline constexpr CUresult kInvalidValue = result(cuda::kErrorInvalidValue);
inline constexpr CUresult kOutOfMemory = result(cuda::kErrorOutOfMemory);
inline constexpr CUresult kNotInitialized = result(cuda::kErrorNotInitialized);
inline constexpr CUresult kInvalidDevice = result(cuda::kErrorInvalidDevice);
inline constexpr CUresult kInvalidImage = result(cuda::kErrorInvalidImage);
inline constexpr CUresult kInvalidContext = result(cuda::kErrorInvalidContext);
inline constexpr CUresult kInvalidPtx = result(cuda::kErrorInvalidPtx);
inline constexpr CUresult kInvalidHandle = result(cuda::kErrorInvalidHandle);
inline constexpr CUresult kIllegalAddress = result(cuda::kErrorIllegalAddress);
inline constexpr CUresult kContextIsDestroyed = result(cuda::kErrorContextIsDestroyed);
inline constexpr CUresult kNotSupported = result(cuda::kErrorNotSupported);
inline constexpr CUresult kUnknown = result(cuda::kErrorUnknown);
inline constexpr CUresult kAlreadyMapped = result(208);
inline constexpr CUresult kNotMapped = result(211);
inline constexpr CUresult kInvalidGraphicsContext = result(219);
inline constexpr CUresult kNotFound = result(500);
inline constexpr CUresult kNotPermitted = result(800);

/// "CUDA_ERROR_INVALID_VALUE"; null for a value that cuda.h does not have.
const char* name_of(CUresult result);

}  // namespace lumen::sim
