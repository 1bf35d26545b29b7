#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "app/probe/formats_json.h"
#include "app/probe/sections.h"
#include "zerocopy/egl/display.h"
#include "zerocopy/egl/modifiers.h"

namespace lumen::probe {
namespace {

constexpr std::array<std::string_view, 5> kClientExtensions = {
    "EGL_EXT_platform_base", "EGL_EXT_platform_device", "EGL_EXT_device_enumeration",
    "EGL_EXT_device_query", "EGL_KHR_platform_gbm"};
constexpr std::array<std::string_view, 5> kDisplayExtensions = {
    "EGL_KHR_image_base", "EGL_EXT_image_dma_buf_import", "EGL_EXT_image_dma_buf_import_modifiers",
    "EGL_KHR_surfaceless_context", "EGL_ANDROID_native_fence_sync"};
constexpr std::array kFormats = {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA};

Json formats_of(const egl::Display& display) {
  Json formats = Json::array();
  for (const Fourcc format : kFormats) {
    const std::vector<egl::ImageLayout> layouts = egl::query_layouts(display, format);
    if (layouts.empty()) continue;
    Json modifiers = Json::array();
    for (const egl::ImageLayout& layout : layouts) {
      Json modifier = to_json(layout.modifier);
      modifier["external_only"] = layout.external_only;
      modifiers.push_back(std::move(modifier));
    }
    formats.push_back({{"format", to_string(format)}, {"modifiers", std::move(modifiers)}});
  }
  return formats;
}

/// The device itself, as if CUDA had asked for it: it is found by its own UUID, ordinal or node.
cuda::DeviceInfo identity_of(const egl::EglDevice& device, std::size_t index) {
  cuda::DeviceInfo info;
  info.ordinal = device.cuda_ordinal.value_or(-1);
  info.name = fmt::format("device {}", index);
  info.uuid = device.uuid.value_or(cuda::Uuid{});
  info.pci_bus_id = egl::pci_bus_id_of_node(device.drm_node);
  return info;
}

Json ask_device(const std::shared_ptr<const egl::Driver>& driver, const egl::EglDevice& device,
                std::size_t index) {
  Json answer = {{"drm_node", device.drm_node}, {"software", device.software}};
  if (device.uuid) answer["uuid"] = cuda::to_string(*device.uuid);
  if (device.cuda_ordinal) answer["cuda_ordinal"] = *device.cuda_ordinal;
  auto display = egl::Display::create(
      driver, identity_of(device, index),
      device.software ? egl::DeviceKind::kSoftware : egl::DeviceKind::kMatchingGpu);
  if (!display) {
    answer.update(failed(display.error()));
    return answer;
  }
  answer["ok"] = true;
  answer["vendor"] = (*display)->vendor();
  answer["extensions"] = Json::array();
  for (const std::string_view name : kDisplayExtensions) {
    answer["extensions"].push_back({{"name", name}, {"present", (*display)->has(name)}});
  }
  answer["formats"] = formats_of(**display);
  return answer;
}

}  // namespace

Json ask_egl() {
  auto driver = egl::load_driver();
  if (!driver) return failed(driver.error());
  Json answer = {{"ok", true}, {"client_extensions", Json::array()}, {"devices", Json::array()}};
  for (const std::string_view name : kClientExtensions) {
    answer["client_extensions"].push_back(
        {{"name", name}, {"present", (*driver)->has_client(name)}});
  }
  const std::vector<egl::EglDevice> devices = egl::list_devices(**driver);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    answer["devices"].push_back(ask_device(*driver, devices[i], i));
  }
  return answer;
}

}  // namespace lumen::probe
