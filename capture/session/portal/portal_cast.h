// A screen cast through the desktop portal (org.freedesktop.portal.ScreenCast): the way that every
// desktop has. The user chooses in the desktop's own dialog, once: what was allowed is remembered
// by a token.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "capture/session/compositor_watch.h"
#include "capture/session/screen_cast.h"

namespace lumen::session {

/// Values of ScreenCast.AvailableSourceTypes.
enum class PortalSourceType : std::uint32_t { kMonitor = 1, kWindow = 2, kVirtual = 4 };

struct PortalSettings {
  std::optional<PortalSourceType> type;  // nothing: whatever the user chooses
  CursorMode cursor = CursorMode::kAuto;
  std::string host;  // whose consent it is, of several hosts of one user; empty: the usual one
};

class PortalCast final : public ScreenCast {
 public:
  explicit PortalCast(PortalSettings settings);
  PortalCast(const PortalCast&) = delete;
  ~PortalCast() override;

  /// Blocks while the dialog is open; a stop takes it away. kCancelled: declined, stopped, or the
  /// desktop ended the cast before, and not because the compositor went: who stopped sharing is not
  /// overruled, and is asked again at the next start only. kDeviceLost: portal or desktop went.
  Result<CastGrant> open(std::stop_token stop, Ended ended) override;
  void end() override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] bool has_indicator() const override { return true; }

 private:
  class Session;
  void watch(const std::stop_token& stop, const Ended& ended);

  PortalSettings settings_;
  mutable std::mutex description_mutex_;
  std::string description_ = "desktop portal";
  std::unique_ptr<Session> session_;
  std::unique_ptr<CompositorWatch> compositor_;  // since the grant; null where none was to be seen
  std::atomic<bool> ended_by_desktop_{false};
  std::stop_token wanted_;  // requested to stop: nobody wants the cast any more
  std::jthread watcher_;    // drives the session's bus from the grant to the end
};

}  // namespace lumen::session
