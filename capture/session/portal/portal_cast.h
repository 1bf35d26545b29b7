// A screen cast through the desktop portal (org.freedesktop.portal.ScreenCast): the way that every
// desktop has. The user chooses in the desktop's own dialog, once: what was allowed is remembered
// by a token.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "capture/session/screen_cast.h"

namespace lumen::session {

/// Values of ScreenCast.AvailableSourceTypes.
enum class PortalSourceType : std::uint32_t { kMonitor = 1, kWindow = 2, kVirtual = 4 };

struct PortalSettings {
  std::optional<PortalSourceType> type;  // nothing: whatever the user chooses
  CursorMode cursor = CursorMode::kEmbedded;
};

class PortalCast final : public ScreenCast {
 public:
  explicit PortalCast(PortalSettings settings);
  PortalCast(const PortalCast&) = delete;
  ~PortalCast() override;

  /// Blocks while the dialog is open; a stop takes it away. kCancelled: declined, stopped, or the
  /// desktop ended the cast before: who stopped sharing is not overruled, and is asked again at the
  /// next start only.
  Result<CastGrant> open(std::stop_token stop, Ended ended) override;
  void end() override;
  [[nodiscard]] std::string describe() const override;

 private:
  class Session;
  void watch(const std::stop_token& stop, const Ended& ended);

  PortalSettings settings_;
  mutable std::mutex description_mutex_;
  std::string description_ = "desktop portal";
  std::unique_ptr<Session> session_;
  std::atomic<bool> ended_by_desktop_{false};
  std::jthread watcher_;  // drives the session's bus from the grant to the end
};

}  // namespace lumen::session
