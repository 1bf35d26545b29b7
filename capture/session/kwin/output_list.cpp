#include "capture/session/kwin/output_list.h"

#include <kde-output-order-v1.h>
#include <wayland-client.h>

#include <algorithm>
#include <utility>

namespace lumen::kwin {
namespace {

// The first version that tells the connector's name.
constexpr std::uint32_t kNamedOutputVersion = 4;

session::OutputInfo& output(void* data) { return *static_cast<session::OutputInfo*>(data); }

constexpr auto kIgnoreOutput = [](void*, auto...) {};

constexpr wl_output_listener kOutputListener = {
    .geometry = kIgnoreOutput,
    .mode =
        [](void* data, auto*, std::uint32_t flags, std::int32_t width, std::int32_t height,
           std::int32_t) {
          if ((flags & WL_OUTPUT_MODE_CURRENT) == 0 || width < 0 || height < 0) return;
          output(data).size = {static_cast<std::uint32_t>(width),
                               static_cast<std::uint32_t>(height)};
        },
    .done = kIgnoreOutput,
    .scale = kIgnoreOutput,
    .name = [](void* data, auto*, const char* name) { output(data).name = name; },
    .description = [](void* data, auto*, const char* text) { output(data).description = text; },
};

}  // namespace

void OutputList::add(wl_registry* registry, std::uint32_t global, std::uint32_t version) {
  if (version < kNamedOutputVersion) return;
  auto entry = std::make_unique<Entry>();
  entry->global = global;
  entry->proxy.reset(static_cast<wl_output*>(
      wl_registry_bind(registry, global, &wl_output_interface, kNamedOutputVersion)));
  wl_output_add_listener(entry->proxy.get(), &kOutputListener, &entry->info);
  entries_.push_back(std::move(entry));
}

void OutputList::remove(std::uint32_t global) {
  std::erase_if(entries_, [global](const auto& entry) { return entry->global == global; });
}

void OutputList::bind_order(wl_registry* registry, std::uint32_t global) {
  static constexpr kde_output_order_v1_listener kListener = {
      .output =
          [](void* data, auto*, const char* name) {
            auto* self = static_cast<OutputList*>(data);
            if (std::exchange(self->order_is_complete_, false)) self->order_.clear();
            self->order_.emplace_back(name);
          },
      .done = [](void* data, auto*) { static_cast<OutputList*>(data)->order_is_complete_ = true; },
  };
  order_proxy_.reset(static_cast<kde_output_order_v1*>(
      wl_registry_bind(registry, global, &kde_output_order_v1_interface, 1)));
  kde_output_order_v1_add_listener(order_proxy_.get(), &kListener, this);
}

std::vector<const OutputList::Entry*> OutputList::in_order() const {
  std::vector<const Entry*> sorted;
  sorted.reserve(entries_.size());
  for (const auto& entry : entries_) sorted.push_back(entry.get());
  std::ranges::sort(sorted, {}, [this](const Entry* entry) {
    return std::pair(std::ranges::find(order_, entry->info.name) - order_.begin(), entry->global);
  });
  return sorted;
}

std::vector<session::OutputInfo> OutputList::all() const {
  std::vector<session::OutputInfo> outputs;
  for (const Entry* entry : in_order()) outputs.push_back(entry->info);
  return outputs;
}

wl_output* OutputList::find(const std::optional<std::string>& name) const {
  for (const Entry* entry : in_order()) {
    if (!name || entry->info.name == *name) return entry->proxy.get();
  }
  return nullptr;
}

session::OutputInfo OutputList::info_of(const wl_output* output) const {
  const auto entry = std::ranges::find_if(
      entries_, [output](const auto& known) { return known->proxy.get() == output; });
  return entry == entries_.end() ? session::OutputInfo{} : (*entry)->info;
}

}  // namespace lumen::kwin
