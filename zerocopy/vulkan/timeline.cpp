#include "zerocopy/vulkan/timeline.h"

#include "platform/linux/unique_fd.h"

namespace lumen::vulkan {
namespace {

Result<UniqueFd> export_semaphore(const Device& device, VkSemaphore semaphore) {
  const VkSemaphoreGetFdInfoKHR info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
                                     .semaphore = semaphore,
                                     .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT};
  int fd = -1;
  if (auto got = check(device.table().vkGetSemaphoreFdKHR(device.handle(), &info, &fd),
                       "vkGetSemaphoreFdKHR");
      !got) {
    return tl::unexpected(std::move(got.error()));
  }
  return UniqueFd::take(fd);
}

}  // namespace

Result<std::unique_ptr<Timeline>> Timeline::create(std::shared_ptr<const Device> device,
                                                   std::shared_ptr<const cuda::Context> context) {
  const cuda::Driver& cuda = context->driver();
  if (!device->features().timeline_export || device->table().vkGetSemaphoreFdKHR == nullptr) {
    return fail(ErrorKind::kUnsupported, "Vulkan can't export timeline semaphores here");
  }
  if (cuda.cuImportExternalSemaphore == nullptr || cuda.cuDestroyExternalSemaphore == nullptr ||
      cuda.cuWaitExternalSemaphoresAsync == nullptr ||
      cuda.cuSignalExternalSemaphoresAsync == nullptr) {
    return fail(ErrorKind::kUnsupported, "this CUDA driver can't import semaphores",
                "update the NVIDIA driver");
  }
  std::unique_ptr<Timeline> result(new Timeline(std::move(device), std::move(context)));
  const Device& owner = *result->device_;
  const VkExportSemaphoreCreateInfo exported{
      .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
      .handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT};
  const VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .pNext = &exported,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
                                       .initialValue = 0};
  const VkSemaphoreCreateInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                   .pNext = &type};
  VkSemaphore handle = VK_NULL_HANDLE;
  if (auto made = check(owner.table().vkCreateSemaphore(owner.handle(), &info, nullptr, &handle),
                        "vkCreateSemaphore");
      !made) {
    return tl::unexpected(std::move(made.error()));
  }
  result->semaphore_ =
      DeviceObject<VkSemaphore>(owner.handle(), handle, owner.table().vkDestroySemaphore);
  auto fd = export_semaphore(owner, handle);
  if (!fd) return tl::unexpected(std::move(fd.error()));
  CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC description{};
  description.type = cuda::kTimelineSemaphoreFd;
  description.handle.fd = fd->borrow();
  if (auto imported = cuda.check(cuda.cuImportExternalSemaphore(&result->imported_, &description),
                                 "cuImportExternalSemaphore");
      !imported) {
    return tl::unexpected(std::move(imported.error()));
  }
  static_cast<void>(fd->release());  // CUDA's since the import succeeded
  return result;
}

Timeline::~Timeline() {
  if (imported_ == nullptr) return;
  const auto current = context_->make_current();
  if (current) context_->driver().cuDestroyExternalSemaphore(imported_);
}

Result<void> Timeline::wait_on_stream(std::uint64_t value) const {
  CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS params{};
  params.params.fence.value = value;
  const cuda::Driver& cuda = context_->driver();
  return cuda.check(cuda.cuWaitExternalSemaphoresAsync(&imported_, &params, 1, context_->stream()),
                    "cuWaitExternalSemaphoresAsync");
}

Result<void> Timeline::signal_on_stream(std::uint64_t value) const {
  CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS params{};
  params.params.fence.value = value;
  const cuda::Driver& cuda = context_->driver();
  return cuda.check(
      cuda.cuSignalExternalSemaphoresAsync(&imported_, &params, 1, context_->stream()),
      "cuSignalExternalSemaphoresAsync");
}

Result<std::uint64_t> Timeline::value() const {
  std::uint64_t value = 0;
  if (auto got =
          check(device_->table().vkGetSemaphoreCounterValue(device_->handle(), handle(), &value),
                "vkGetSemaphoreCounterValue");
      !got) {
    return tl::unexpected(std::move(got.error()));
  }
  return value;
}

Result<bool> Timeline::wait(std::uint64_t value, std::chrono::milliseconds timeout) const {
  const VkSemaphore semaphore = handle();
  const VkSemaphoreWaitInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &semaphore,
                                 .pValues = &value};
  const auto nanoseconds = static_cast<std::uint64_t>(std::chrono::nanoseconds(timeout).count());
  const VkResult result = device_->table().vkWaitSemaphores(device_->handle(), &info, nanoseconds);
  if (result == VK_TIMEOUT) return false;
  if (auto waited = check(result, "vkWaitSemaphores"); !waited) {
    return tl::unexpected(std::move(waited.error()));
  }
  return true;
}

Result<void> Timeline::signal_from_host(std::uint64_t value) const {
  const VkSemaphoreSignalInfo info{
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = handle(), .value = value};
  return check(device_->table().vkSignalSemaphore(device_->handle(), &info), "vkSignalSemaphore");
}

}  // namespace lumen::vulkan
