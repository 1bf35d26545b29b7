#include "encode/nvenc/registrations.h"

#include <algorithm>

#include "core/log.h"

namespace lumen::nvenc {

Result<NV_ENC_REGISTERED_PTR> Registrations::get(const InputResource& resource, Extent size) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.allocation == resource.allocation && entry.handle == resource.handle &&
           entry.size == size;
  });
  if (found != entries_.end()) return found->registered;
  sweep();
  NV_ENC_REGISTER_RESOURCE parameters{};
  parameters.version = NV_ENC_REGISTER_RESOURCE_VER;
  parameters.resourceType = resource.type;
  parameters.width = size.width;
  parameters.height = size.height;
  parameters.pitch = resource.pitch;
  parameters.resourceToRegister = resource.handle;
  parameters.bufferFormat = resource.format;
  parameters.bufferUsage = NV_ENC_INPUT_IMAGE;
  auto registered = driver_->check(driver_->api.nvEncRegisterResource(session_, &parameters),
                                   "nvEncRegisterResource", session_);
  if (!registered) return tl::unexpected(std::move(registered.error()));
  entries_.push_back({resource.allocation, resource.handle, size, parameters.registeredResource});
  return parameters.registeredResource;
}

void Registrations::unregister(const Entry& entry) {
  const auto done = driver_->check(driver_->api.nvEncUnregisterResource(session_, entry.registered),
                                   "nvEncUnregisterResource", session_);
  if (!done) log::area("encode").debug("{}", done.error().describe());
}

void Registrations::sweep() {
  std::erase_if(entries_, [this](const Entry& entry) {
    if (entry.allocation.use_count() > 1) return false;
    unregister(entry);
    return true;
  });
}

void Registrations::unregister_all() {
  for (const Entry& entry : entries_) unregister(entry);
  entries_.clear();
}

}  // namespace lumen::nvenc
