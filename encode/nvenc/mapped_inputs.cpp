#include "encode/nvenc/mapped_inputs.h"

#include <algorithm>

namespace lumen::nvenc {

Result<MappedInputs::Input> MappedInputs::map(NV_ENC_REGISTERED_PTR registered) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(entries_, registered, &Entry::registered);
  if (found != entries_.end()) {
    ++found->users;
    return found->input;
  }
  NV_ENC_MAP_INPUT_RESOURCE parameters{};
  parameters.version = NV_ENC_MAP_INPUT_RESOURCE_VER;
  parameters.registeredResource = registered;
  auto mapped = driver_->check(driver_->api.nvEncMapInputResource(session_, &parameters),
                               "nvEncMapInputResource", session_);
  if (!mapped) return tl::unexpected(std::move(mapped.error()));
  entries_.push_back({registered, {parameters.mappedResource, parameters.mappedBufferFmt}, 1});
  return entries_.back().input;
}

Result<void> MappedInputs::unmap(NV_ENC_INPUT_PTR buffer) {
  const std::scoped_lock lock(mutex_);
  const auto found =
      std::ranges::find(entries_, buffer, [](const Entry& entry) { return entry.input.buffer; });
  if (found == entries_.end() || --found->users > 0) return {};
  entries_.erase(found);
  return driver_->check(driver_->api.nvEncUnmapInputResource(session_, buffer),
                        "nvEncUnmapInputResource", session_);
}

}  // namespace lumen::nvenc
