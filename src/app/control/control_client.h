// Asks a running host: over its socket, or over the session bus where that can't be reached.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/control/bus_service.h"
#include "app/control/control_socket.h"
#include "core/error.h"

namespace lumen::control {

/// One thread.
class ControlClient {
 public:
  /// Domain of the errors that the host itself has answered with.
  static constexpr std::string_view kHostDomain = "host";

  /// Empty: the host of the default name, or the only one that runs. kNotFound: no such host runs.
  static Result<ControlClient> connect(const std::string& name);

  /// A request of request.h; what its answer's "result" says. kDeviceLost: the host has ended
  /// meanwhile.
  Result<nlohmann::ordered_json> call(const nlohmann::ordered_json& request);
  /// Until the host has ended, or half a minute has passed.
  void wait_for_end();

 private:
  Result<nlohmann::ordered_json> call_socket(const nlohmann::ordered_json& request);
  Result<nlohmann::ordered_json> call_bus(const nlohmann::ordered_json& request);

  UniqueFd socket_;
  LineReader lines_{std::size_t{4} << 20};
  BusPointer bus_;
  std::string bus_name_;
};

}  // namespace lumen::control
