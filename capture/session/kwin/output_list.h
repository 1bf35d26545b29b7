// The outputs of a Wayland compositor, in the order in which the session's user put them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/session/cast_target.h"
#include "capture/session/kwin/wayland_proxy.h"

namespace lumen::kwin {

/// Filled by the events of the display's connection; its thread only.
class OutputList {
 public:
  OutputList() = default;
  OutputList(const OutputList&) = delete;

  void add(wl_registry* registry, std::uint32_t global, std::uint32_t version);
  void remove(std::uint32_t global);
  void bind_order(wl_registry* registry, std::uint32_t global);

  [[nodiscard]] std::vector<session::OutputInfo> all() const;
  /// The first one where no name is given; null where there is none (of that name).
  [[nodiscard]] wl_output* find(const std::optional<std::string>& name) const;
  [[nodiscard]] session::OutputInfo info_of(const wl_output* output) const;

 private:
  struct Entry {
    std::uint32_t global = 0;
    session::OutputInfo info;
    Proxy<wl_output> proxy;
  };

  [[nodiscard]] std::vector<const Entry*> in_order() const;

  std::vector<std::unique_ptr<Entry>> entries_;  // events hold pointers to entries
  std::vector<std::string> order_;               // names; empty where KWin doesn't tell it
  bool order_is_complete_ = false;
  Proxy<kde_output_order_v1> order_proxy_;
};

}  // namespace lumen::kwin
