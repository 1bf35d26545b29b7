// NVIDIA's encoder library (libnvidia-encode.so.1, nvEncodeAPI64.dll) as an immutable table of
// functions, loaded at run time. Facts about the API are those of nvEncodeAPI.h (Video Codec SDK)
// unless said otherwise.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <ffnvcodec/nvEncodeAPI.h>

#include "core/error.h"
#include "encode/encoded_frame.h"
#include "platform/dynamic_library.h"

namespace lumen::nvenc {

struct Driver {
  NV_ENCODE_API_FUNCTION_LIST api{};
  std::uint32_t version = 0;  // the newest that the driver knows: major in bits 31:4, minor in 3:0
  DynamicLibrary library;     // keeps the functions' code loaded

  /// An error for anything but success, domain "nvenc". The kind says what to do: kUnsupported,
  /// this GPU or driver can't; kIo, out of memory or sessions; kDeviceLost, the session is of no
  /// use any more. `session` (may be null) gives the driver's own words where it has some.
  [[nodiscard]] Result<void> check(NVENCSTATUS status, std::string_view call,
                                   void* session = nullptr) const;
};

/// kUnsupported with a reason that a user can act on: no library, or a driver older than the API
/// that lumen was built with.
Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname = {});

/// The names of codecs in the API; kUnsupported for those that it did not have yet when lumen was
/// built.
Result<GUID> guid_of(Codec codec);

bool same(const GUID& a, const GUID& b);

/// "11.1" for a Driver::version.
std::string version_text(std::uint32_t version);

}  // namespace lumen::nvenc
