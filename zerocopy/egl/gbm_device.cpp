#include "zerocopy/egl/gbm_device.h"

#include <cerrno>

#include <fcntl.h>

namespace lumen::egl {

Result<std::unique_ptr<GbmDevice>> GbmDevice::create(const std::string& render_node) {
  auto library = load_library("libgbm.so.1");
  if (!library) return with_context("GBM", std::move(library.error()));
  const auto make = reinterpret_cast<Create>(find_symbol(*library, "gbm_create_device"));
  const auto destroy = reinterpret_cast<Destroy>(find_symbol(*library, "gbm_device_destroy"));
  if (make == nullptr || destroy == nullptr) {
    return fail(ErrorKind::kUnsupported, "libgbm.so.1 lacks its device functions");
  }
  UniqueFd node = UniqueFd::take(::open(render_node.c_str(), O_RDWR | O_CLOEXEC));
  if (!node) {
    const int code = errno;
    return fail_errno(ErrorKind::kUnsupported, "can't open " + render_node, code,
                      code == EACCES ? "join the group that owns it, mostly \"render\"" : "");
  }
  void* const device = make(node.borrow());
  if (device == nullptr) {
    return fail(ErrorKind::kUnsupported, "GBM has no driver for " + render_node);
  }
  return std::unique_ptr<GbmDevice>(
      new GbmDevice(std::move(*library), std::move(node), destroy, device));
}

}  // namespace lumen::egl
