#include "app/notify/watch_notice.h"

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <systemd/sd-bus.h>

#include "app/notify/notice_icon.h"
#include "core/error.h"
#include "core/log.h"
#include "platform/unique_handle.h"

namespace lumen {
namespace {

constexpr const char* kService = "org.freedesktop.Notifications";
constexpr const char* kPath = "/org/freedesktop/Notifications";
constexpr std::uint64_t kPatienceUs = 2'000'000;
constexpr int kNeverExpires = 0;

struct BusTraits {
  using type = sd_bus*;
  static type empty() { return nullptr; }
  static void close(type bus) { sd_bus_flush_close_unref(bus); }
};
struct MessageTraits {
  using type = sd_bus_message*;
  static type empty() { return nullptr; }
  static void close(type message) { sd_bus_message_unref(message); }
};
using Bus = UniqueHandle<BusTraits>;
using Message = UniqueHandle<MessageTraits>;

struct BusError {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  BusError() = default;
  BusError(const BusError&) = delete;
  ~BusError() { sd_bus_error_free(&error); }
  [[nodiscard]] std::string text(int code) const {
    if (error.message != nullptr) return error.message;
    return std::generic_category().message(-code);
  }
};

// A connection for each call: it is rare, and so nothing is to be kept alive between two.
Result<Bus> open_bus() {
  sd_bus* raw = nullptr;
  if (const int code = sd_bus_open_user(&raw); code < 0) {
    return fail_errno(ErrorKind::kNotFound, "the session has no bus", -code);
  }
  Bus bus = Bus::take(raw);
  sd_bus_set_method_call_timeout(bus.borrow(), kPatienceUs);
  return bus;
}

/// The number by which it can be taken back.
Result<std::uint32_t> show() {
  auto bus = open_bus();
  if (!bus) return tl::unexpected(std::move(bus.error()));
  BusError error;
  sd_bus_message* raw = nullptr;
  const std::string icon =
      notice_icon(std::getenv("XDG_DATA_HOME"), std::getenv("HOME"), std::getenv("XDG_DATA_DIRS"));
  const int code = sd_bus_call_method(
      bus->borrow(), kService, kPath, kService, "Notify", &error.error, &raw, "susssasa{sv}i",
      "lumen", std::uint32_t{0}, icon.c_str(), "This session is being watched",
      "Somebody watches your screen through lumen.", 0, 2, "urgency", "y", 1, "resident", "b", 1,
      kNeverExpires);
  const Message reply = Message::take(raw);
  std::uint32_t id = 0;
  if (code < 0 || sd_bus_message_read(reply.borrow(), "u", &id) < 0) {
    return fail(ErrorKind::kNotFound, "no notification can be shown: " + error.text(code));
  }
  return id;
}

void take_back(std::uint32_t id) {
  auto bus = open_bus();
  if (!bus) return;
  BusError error;
  const int code = sd_bus_call_method(bus->borrow(), kService, kPath, kService, "CloseNotification",
                                      &error.error, nullptr, "u", id);
  if (code < 0) log::area("notify").debug("a notification stays: {}", error.text(code));
}

}  // namespace

WatchNotice::WatchNotice(WatchNoticeSettings settings)
    : settings_(settings), thread_([this](const std::stop_token& stop) { run(stop); }) {}

WatchNotice::~WatchNotice() {
  thread_.request_stop();
  thread_.join();
}

void WatchNotice::set_viewers(std::size_t count) {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(viewers_, count) == count) return;
  }
  changed_.notify_all();
}

void WatchNotice::run(const std::stop_token& stop) {
  std::optional<std::uint32_t> shown;
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return viewers_ > 0; })) break;
    lock.unlock();
    auto id = show();
    if (id) {
      shown = *id;
    } else {
      log::area("notify").debug("{}", id.error().describe());
    }
    lock.lock();
    for (bool left = false; !left && !stop.stop_requested();) {
      changed_.wait(lock, stop, [this] { return viewers_ == 0; });
      left = !changed_.wait_for(lock, stop, settings_.patience, [this] { return viewers_ > 0; });
    }
    lock.unlock();
    if (shown) take_back(*std::exchange(shown, std::nullopt));
  }
}

}  // namespace lumen
