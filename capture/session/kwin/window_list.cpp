#include "capture/session/kwin/window_list.h"

#include <plasma-window-management.h>
#include <wayland-client.h>

namespace lumen::kwin {
namespace {

WindowInfo& window(void* data) { return *static_cast<WindowInfo*>(data); }

/// An event that nobody here needs; libwayland refuses a null handler.
constexpr auto kIgnoreWindow = [](void*, auto...) {};

// The listener structs grow with the protocol package, so members are set by name; newer events
// are never sent to objects of the version bound here.
constexpr org_kde_plasma_window_listener kWindowListener = [] {
  org_kde_plasma_window_listener listener{};
  listener.title_changed = [](void* data, auto*, const char* title) { window(data).title = title; };
  listener.app_id_changed = [](void* data, auto*, const char* id) { window(data).app_id = id; };
  listener.initial_state = [](void* data, auto*) { window(data).described = true; };
  listener.unmapped = [](void* data, auto*) { window(data).described = false; };
  listener.state_changed = kIgnoreWindow;
  listener.virtual_desktop_changed = kIgnoreWindow;
  listener.themed_icon_name_changed = kIgnoreWindow;
  listener.parent_window = kIgnoreWindow;
  listener.geometry = kIgnoreWindow;
  listener.icon_changed = kIgnoreWindow;
  listener.pid_changed = kIgnoreWindow;
  listener.virtual_desktop_entered = kIgnoreWindow;
  listener.virtual_desktop_left = kIgnoreWindow;
  listener.application_menu = kIgnoreWindow;
  return listener;
}();

}  // namespace

void WindowList::bind(wl_registry* registry, std::uint32_t global) {
  static constexpr org_kde_plasma_window_management_listener kListener = [] {
    org_kde_plasma_window_management_listener listener{};
    listener.show_desktop_changed = kIgnoreWindow;
    listener.window = kIgnoreWindow;
    listener.stacking_order_changed = kIgnoreWindow;
    listener.stacking_order_uuid_changed = kIgnoreWindow;
    listener.window_with_uuid = [](void* data, auto*, std::uint32_t, const char* uuid) {
      static_cast<WindowList*>(data)->add(uuid);
    };
    return listener;
  }();
  management_.reset(static_cast<org_kde_plasma_window_management*>(
      wl_registry_bind(registry, global, &org_kde_plasma_window_management_interface, kVersion)));
  org_kde_plasma_window_management_add_listener(management_.get(), &kListener, this);
}

void WindowList::add(const char* uuid) {
  auto entry = std::make_unique<Entry>();
  entry->info.uuid = uuid;
  entry->proxy.reset(org_kde_plasma_window_management_get_window_by_uuid(management_.get(), uuid));
  org_kde_plasma_window_add_listener(entry->proxy.get(), &kWindowListener, &entry->info);
  entries_.push_back(std::move(entry));
}

std::vector<WindowInfo> WindowList::all() const {
  std::vector<WindowInfo> windows;
  for (const auto& entry : entries_) {
    if (entry->info.described) windows.push_back(entry->info);
  }
  return windows;
}

std::optional<WindowInfo> WindowList::find(const std::string& title) const {
  std::optional<WindowInfo> partly;
  for (const auto& entry : entries_) {
    const WindowInfo& window = entry->info;
    if (!window.described) continue;
    if (window.title == title) return window;
    if (!partly && window.title.find(title) != std::string::npos) partly = window;
  }
  return partly;
}

}  // namespace lumen::kwin
