// A screen cast by Mutter's own D-Bus interface, org.gnome.Mutter.ScreenCast, as Mutter's
// data/dbus-interfaces describe it: CreateSession, RecordMonitor or RecordVirtual, Start, and then
// the stream object says PipeWireStreamAdded. The cast lives as long as our bus connection.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "capture/session/cast_target.h"
#include "capture/session/screen_cast.h"
#include "capture/session/session_bus.h"

namespace lumen::mutter {

struct MutterCastSettings {
  session::CastTarget target;  // no window
  session::CursorMode cursor = session::CursorMode::kAuto;
  AbsentSource absent = AbsentSource::kIsError;  // an output that is named
};

class MutterCast final : public session::ScreenCast {
 public:
  explicit MutterCast(MutterCastSettings settings);
  ~MutterCast() override { end(); }

  Result<session::CastGrant> open(std::stop_token stop, Ended ended) override;
  void end() override;
  [[nodiscard]] std::string describe() const override;

 private:
  /// A monitor, or a virtual one; from the target.
  struct Plan {
    std::string connector;  // empty: a virtual monitor
    session::CastGrant grant;
  };

  Result<session::CastGrant> ask(const StopFd& stop);
  Result<Plan> make_plan(const StopFd& stop);
  Result<Plan> plan_monitor(const StopFd& stop, const std::optional<std::string>& name);
  Result<void> listen_for_end();
  Result<std::string> create_session(const StopFd& stop);
  Result<std::string> record(const StopFd& stop, const Plan& plan);
  void watch(const std::stop_token& stop, const Ended& ended);

  const MutterCastSettings settings_;
  std::unique_ptr<session::SessionBus> bus_;
  std::string session_path_;               // of the session object; empty: none
  std::optional<std::uint32_t> node_;      // told by the stream object
  std::optional<std::string> end_reason_;  // told by the session object or the bus
  std::jthread watcher_;                   // handles signals while the cast lives
};

}  // namespace lumen::mutter
