// KWin's windows, by plasma-window-management.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/session/kwin/wayland_proxy.h"

namespace lumen::kwin {

struct WindowInfo {
  std::string uuid;
  std::string title;
  std::string app_id;
  bool described = false;  // title and app id are known, and the window is mapped
};

/// Filled by the events of the display's connection; its thread only.
class WindowList {
 public:
  /// The first version that names windows by uuid, which is what a stream is asked for by.
  static constexpr std::uint32_t kVersion = 13;

  WindowList() = default;
  WindowList(const WindowList&) = delete;

  void bind(wl_registry* registry, std::uint32_t global);
  [[nodiscard]] bool bound() const { return management_ != nullptr; }

  [[nodiscard]] std::vector<WindowInfo> all() const;
  /// The window of this title, else the first whose title contains it.
  [[nodiscard]] std::optional<WindowInfo> find(const std::string& title) const;

 private:
  struct Entry {
    WindowInfo info;
    Proxy<org_kde_plasma_window> proxy;
  };

  void add(const char* uuid);

  Proxy<org_kde_plasma_window_management> management_;
  std::vector<std::unique_ptr<Entry>> entries_;  // events hold pointers to entries
};

}  // namespace lumen::kwin
