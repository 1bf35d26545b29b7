#include "app/service/service_notifier.h"

#include <chrono>
#include <cstdint>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include "app/status/status_text.h"

namespace lumen {

// sd_watchdog_enabled(3): half of the time that systemd waits for.
ServiceNotifier::ServiceNotifier() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) {
    watchdog_ = std::chrono::microseconds(static_cast<std::int64_t>(microseconds / 2));
  }
}

void ServiceNotifier::ready() const { (void)sd_notify(0, "READY=1"); }

// systemd 253 and newer (Type=notify-reload) compares the time with that of its own request.
void ServiceNotifier::reloading() const {
  const auto time = std::chrono::duration_cast<std::chrono::microseconds>(now().time_since_epoch());
  const std::string text = fmt::format("RELOADING=1\nMONOTONIC_USEC={}", time.count());
  (void)sd_notify(0, text.c_str());
}

void ServiceNotifier::stopping() const { (void)sd_notify(0, "STOPPING=1"); }

void ServiceNotifier::status(const std::string& line) {
  if (line == told_) return;
  told_ = line;
  (void)sd_notify(0, ("STATUS=" + one_line(line)).c_str());
}

void ServiceNotifier::alive() const { (void)sd_notify(0, "WATCHDOG=1"); }

}  // namespace lumen
