// What a running host lets be done to it, whichever way it is asked.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "app/control/request.h"
#include "app/status/stream_status.h"

namespace lumen::control {

/// Called on the control server's thread and on the main thread (PageRequests). Calls may wait for
/// the stream.
class HostControl {
 public:
  virtual ~HostControl() = default;

  virtual StreamStatus status() = 0;
  struct Sink {
    unsigned id = 0;
    std::string name;
  };
  virtual Result<Sink> add_sink(const std::string& spec) = 0;
  virtual Result<Sink> remove_sink(unsigned id) = 0;
  /// The names of the sinks that it ended.
  virtual Result<std::vector<std::string>> change(const StreamChange& change) = 0;
  virtual void request_key_frame() = 0;
  virtual Result<void> start() = 0;
  virtual Result<void> stop() = 0;
  /// Returns at once; the log says what came of it.
  virtual void reload() = 0;
  virtual void quit() = 0;
};

/// What an answer's "result" says: of the status the object of status_json.h, of add-sink and
/// remove-sink {id, name}, of set {ended: [names]}, else an empty object.
Result<nlohmann::ordered_json> execute(const Request& request, HostControl& host);

}  // namespace lumen::control
