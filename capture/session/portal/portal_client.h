// The desktop portal on the session bus, and its way of answering: a method returns a request
// object at once, and the answer comes as that object's Response signal when the user has chosen
// (org.freedesktop.portal.Request, xdg-desktop-portal's documentation).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "capture/session/session_bus.h"
#include "core/error.h"
#include "platform/linux/stop_fd.h"

namespace lumen::session::portal {

/// What ScreenCast's properties say.
struct Abilities {
  std::uint32_t version = 0;
  std::uint32_t source_types = 0;  // bits of SourceType
  std::uint32_t cursor_modes = 0;  // bits; 0 before version 2
};

/// Why a session is over.
struct End {
  enum class By {
    kDesktop,  // it closed the session: as a rule the user's wish
    kLoss,     // the portal or the bus went away
  };
  By by = By::kLoss;
  std::string reason;
};

/// Calls `entry` with each key of an a{sv}; the variant is next in the message, and what `entry`
/// leaves is skipped. `entry` returns whether it has read the variant. Negative errno: malformed.
int for_each_entry(sd_bus_message* message,
                   const std::function<int(const std::string& key, sd_bus_message*)>& entry);

/// Appends arguments to a call. Returns a negative errno on failure.
using Append = std::function<int(sd_bus_message*)>;

/// One thread at a time, as the bus itself.
class PortalClient {
 public:
  /// kNotFound: a portal whose backend is away. kUnsupported: no portal, or one that shares no
  /// screens, or no bus to look for it on. kDeviceLost: the bus or the portal doesn't answer.
  static Result<std::unique_ptr<PortalClient>> open(const StopFd& stop);
  PortalClient(const PortalClient&) = delete;

  [[nodiscard]] const Abilities& abilities() const { return abilities_; }

  /// Appends what comes before the options, then the options' entries.
  struct Arguments {
    Append before;
    Append options;
    std::function<void()> slow;  // called once where the answer doesn't come within a second
  };
  /// Calls a method of ScreenCast that makes a request, and waits for its Response. The message is
  /// left before its a{sv}. kCancelled: declined, or stopped, which closes the request.
  Result<BusMessage> request(const char* member, const Arguments& arguments, const StopFd& stop);
  /// Calls a method of ScreenCast that answers by itself.
  Result<BusMessage> call(const char* member, const Append& append, const StopFd& stop);

  /// From here on the session's end counts as one.
  Result<void> follow_session(const std::string& session);
  void close_session(const std::string& session);
  /// Waits until the portal or the session is gone; nothing: stopped, or the deadline has passed.
  std::optional<End> wait_for_end(const StopFd& stop, Timestamp deadline = kNoTimestamp);

  /// For session_handle_token: no other of this process has it.
  static std::string unique_token();

 private:
  explicit PortalClient(std::unique_ptr<SessionBus> bus) : bus_(std::move(bus)) {}
  Result<void> ask_abilities(const StopFd& stop);
  Result<void> await_answer(const Result<BusMessage>& called, const Arguments& arguments,
                            const BusMessage& response, const StopFd& stop);
  Result<BusMessage> call_portal(const BusMethod& method, const Append& append, const StopFd& stop);
  /// Calls for the effect. Waits a second at most until the portal has heard, so that what follows
  /// comes after.
  void tell(const char* path, const char* interface, const char* member);
  /// What a failed call means here, in words.
  [[nodiscard]] Error explain(Error error) const;

  std::unique_ptr<SessionBus> bus_;
  std::string own_name_;  // on the bus
  std::string owner_;     // the portal's name there: what others send is not believed
  Abilities abilities_;
  std::optional<End> end_;
};

}  // namespace lumen::session::portal
