// Makes programs that this process starts find the CUDA stand-in, with the identity of Mesa's
// software Vulkan, so that every GPU route of lumen-host can be taken without a GPU.
#pragma once

#include <cstdlib>
#include <string>

#include "core/error.h"
#include "harness/private_session.h"
#include "software_gpu.h"

namespace lumen::session {

/// Which of the ladder's routes works first.
enum class FirstRoute { kEgl, kVulkan, kGlBlit };

/// Sets what programs of the session see from now on, and removes what an earlier test set for them
/// ("" is as good as absent for all of these). Errors: Vulkan's, where Mesa's is not there.
inline Result<void> use_stand_in_gpu(PrivateSession& session, FirstRoute first) {
  const std::string library = LUMEN_SIM_CUDA_LIBRARY;
  const std::string folder = library.substr(0, library.rfind('/'));
  const char* const path = std::getenv("LD_LIBRARY_PATH");
  session.set_env("LD_LIBRARY_PATH", folder + ":" + (path == nullptr ? "" : path));
  session.set_env("LUMEN_SIM_CUDA_EGL", first == FirstRoute::kEgl ? "array" : "refuse");
  session.set_env("LUMEN_SIM_CUDA_FAIL", "");
  session.set_env("LUMEN_ZEROCOPY", "");
  // No Vulkan device has this identity.
  session.set_env("LUMEN_SIM_CUDA_UUID", "00112233445566778899aabbccddeeff");
  if (first == FirstRoute::kGlBlit) return {};
  const auto uuid = test::software_gpu_uuid();
  if (!uuid) return tl::unexpected(uuid.error());
  session.set_env("LUMEN_SIM_CUDA_UUID", *uuid);
  return {};
}

/// For the names of tests.
inline std::string short_name(FirstRoute route) {
  switch (route) {
    case FirstRoute::kEgl: return "egl";
    case FirstRoute::kVulkan: return "vulkan";
    case FirstRoute::kGlBlit: break;
  }
  return "gl_blit";
}

/// As the status names it while the encoder reads GPU memory, and while it reads host memory.
inline std::string route_name(FirstRoute route) {
  switch (route) {
    case FirstRoute::kEgl: return "egl";
    case FirstRoute::kVulkan: return "vulkan";
    case FirstRoute::kGlBlit: break;
  }
  return "gl-blit";
}
inline std::string readback_name(FirstRoute route) { return route_name(route) + "+readback"; }

}  // namespace lumen::session
