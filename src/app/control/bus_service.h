// A running host on the session bus: io.github.lumen.Host1 at /io/github/lumen/Host1.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <systemd/sd-bus.h>

#include "app/control/host_control.h"
#include "core/time.h"

namespace lumen::control {

/// "io.github.lumen.Host1" for the default name, else with ".NAME" behind it.
std::string bus_name(std::string_view host);
inline constexpr const char* kBusPath = "/io/github/lumen/Host1";
inline constexpr const char* kBusInterface = "io.github.lumen.Host1";

struct BusCloser {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};
using BusPointer = std::unique_ptr<sd_bus, BusCloser>;

/// All calls from one thread, which is also where the host is called.
class BusService {
 public:
  /// kNotFound: there is no bus. kRetry: somebody else has the name. The host must outlive it.
  static Result<std::unique_ptr<BusService>> connect(std::string_view name, HostControl& host);
  BusService(const BusService&) = delete;
  BusService& operator=(const BusService&) = delete;
  ~BusService();

  /// For poll().
  [[nodiscard]] int fd() const { return sd_bus_get_fd(bus_.get()); }
  [[nodiscard]] short events() const;
  /// When to call process() though nothing has arrived.
  [[nodiscard]] Timestamp deadline() const;
  /// False: the bus has gone away.
  bool process();

  /// Tells those who listen what differs from the last time.
  void publish(const StreamStatus& status);

 private:
  BusService(std::string name, HostControl& host) : name_(std::move(name)), host_(host) {}

  /// What properties say.
  struct Properties {
    std::string state;
    std::string source;
    std::string encoder;
    std::string codec;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint64_t bitrate = 0;
    std::vector<SinkStatus> sinks;
  };
  static Properties properties_of(const StreamStatus& status);

  static const sd_bus_vtable kTable[];
  template <auto kDo>
  static int handle(sd_bus_message* asked, void* self, sd_bus_error* error);
  static int get(sd_bus* bus, const char* path, const char* interface, const char* property,
                 sd_bus_message* reply, void* self, sd_bus_error* error);

  std::string name_;
  HostControl& host_;
  BusPointer bus_;
  sd_bus_slot* slot_ = nullptr;
  Properties told_;
};

}  // namespace lumen::control
