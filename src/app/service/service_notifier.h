// What systemd is told about the service (sd_notify(3)). Without systemd nothing happens.
#pragma once

#include <optional>
#include <string>

#include "core/time.h"

namespace lumen {

/// One thread.
class ServiceNotifier {
 public:
  ServiceNotifier();

  /// Streaming can begin, or goes on after reloading().
  void ready() const;
  void reloading() const;
  void stopping() const;
  /// One line for `systemctl status`; told when it differs from the last one.
  void status(const std::string& line);
  /// To be called only where something shows that the stream is alive.
  void alive() const;
  /// How often alive() has to be called, with room to spare; none: nobody waits for it.
  [[nodiscard]] const std::optional<Nanoseconds>& watchdog() const { return watchdog_; }

 private:
  std::optional<Nanoseconds> watchdog_;
  std::string told_;
};

}  // namespace lumen
