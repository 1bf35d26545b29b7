#include <fmt/format.h>

#include "app/probe/sections.h"
#include "zerocopy/cuda/driver.h"
#include "zerocopy/cuda/gpu.h"

namespace lumen::probe {

Json ask_cuda() {
  auto driver = cuda::load_driver();
  if (!driver) return failed(driver.error());
  const int version = (*driver)->version;
  Json answer = {{"ok", true},
                 {"version", fmt::format("{}.{}", version / 1000, version % 1000 / 10)},
                 {"devices", Json::array()}};
  auto devices = cuda::list_devices(**driver);
  if (!devices) return failed(devices.error());
  // Which of them lumen works on, and whether it can be opened.
  cuda::Gpu gpu;
  auto context = gpu.context();
  for (const cuda::DeviceInfo& device : *devices) {
    answer["devices"].push_back(
        {{"name", device.name},
         {"uuid", cuda::to_string(device.uuid)},
         {"pci", device.pci_bus_id},
         {"compute", fmt::format("{}.{}", device.compute_major, device.compute_minor)},
         {"chosen", context.has_value() && (*context)->device().uuid == device.uuid}});
  }
  if (!context) {
    answer.update(failed(context.error()));
    return answer;
  }
  answer["stand_in"] = (*context)->device().name.find("stand-in") != std::string::npos;
  return answer;
}

}  // namespace lumen::probe
