// A graphics object's registration with CUDA, owned.
#pragma once

#include <memory>
#include <type_traits>

#include "core/error.h"
#include "zerocopy/cuda/context.h"

namespace lumen::egl {

/// The CUDA context must be current, and nothing queued may still read the resource.
struct RegistrationDeleter {
  std::shared_ptr<const cuda::Context> cuda;
  void operator()(CUgraphicsResource resource) const {
    cuda->driver().cuGraphicsUnregisterResource(resource);
  }
};
using Registration =
    std::unique_ptr<std::remove_pointer_t<CUgraphicsResource>, RegistrationDeleter>;

/// CUDA's refusal of one image says nothing about others: negotiate another layout. A lost device
/// stays lost.
inline Error rejected_unless_lost(Error error) {
  if (error.kind != ErrorKind::kDeviceLost) error.kind = ErrorKind::kFormatRejected;
  return error;
}

/// For a failure that no other layout cures: the next route's turn.
inline Error route_lost(Error error) {
  error.kind = ErrorKind::kDeviceLost;
  return error;
}

}  // namespace lumen::egl
