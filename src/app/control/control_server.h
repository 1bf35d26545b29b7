// Serves the host's control interface on a thread of its own: a Unix socket, and the session bus
// where there is one.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/control/bus_service.h"
#include "app/control/control_socket.h"
#include "app/control/host_control.h"
#include "core/time.h"

namespace lumen::control {

/// The name that this host goes by, and no other as long as this lives.
struct ClaimedName {
  std::string name;
  std::optional<ControlSocket> socket;
  bool asked_for = false;
  std::optional<Error> trouble;  // why there is no socket
};

/// Takes that name; where it is empty the default one, or the first free one after it ("host-2").
/// Errors as ControlSocket::listen(), and only where a name was asked for; else a host without a
/// socket goes on.
Result<ClaimedName> claim_name(const std::string& wanted);

class ControlServer {
 public:
  /// Says where the host can't be reached, or by another name than usual. kIo. The host must
  /// outlive the server.
  static Result<std::unique_ptr<ControlServer>> start(ClaimedName claimed, HostControl& host);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Of now; cheap. Any thread.
  void publish(const StreamStatus& status);

 private:
  struct Connection {
    UniqueFd fd;
    LineReader lines{kLongestRequest};
    std::string unsent;
    Timestamp used = now();
    bool ending = false;  // once the rest is sent
  };

  ControlServer(std::string name, std::optional<ControlSocket> socket, UniqueFd wake,
                HostControl& host);
  void run();
  void wait();
  void connect_bus();
  void tell_bus();
  void accept();
  bool serve(Connection& connection);  // false: it has ended
  static bool send(Connection& connection);

  std::string name_;
  HostControl& host_;
  std::optional<ControlSocket> socket_;
  UniqueFd wake_;
  std::list<Connection> connections_;
  std::unique_ptr<BusService> bus_;
  Timestamp next_attempt_ = Timestamp::min();  // to reach the bus; max: never again
  Nanoseconds patience_{0};
  bool lost_bus_ = false;

  std::mutex mutex_;
  std::optional<StreamStatus> news_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace lumen::control
