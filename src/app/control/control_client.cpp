#include "app/control/control_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "app/control/socket_path.h"
#include "app/status/event_log.h"
#include "core/time.h"

namespace lumen::control {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

// Longer than anything that a host does before it answers: a sink may take seconds to finish.
constexpr Nanoseconds kPatience = 30s;

Result<UniqueFd> connect_socket(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof(address.sun_path)) {
    return fail(ErrorKind::kInvalidArgument, path.string() + " is too long for a socket's name");
  }
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  auto fd = UniqueFd::take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd ||
      ::connect(fd.borrow(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return fail_errno(ErrorKind::kNotFound, path.string(), errno);
  }
  return fd;
}

Result<void> wait_for(int fd, short events, Timestamp deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    pollfd one{fd, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(0, left)));
    if (ready > 0) return {};
    if (ready == 0) {
      return fail(ErrorKind::kDeviceLost, "the host does not answer",
                  "its log says what it is doing: journalctl --user -u lumen-host");
    }
    if (errno != EINTR) return fail_errno(ErrorKind::kIo, "poll", errno);
  }
}

Result<std::string> pick_name(const std::filesystem::path& folder) {
  std::vector<std::string> alive;
  for (const std::string& name : host_names(folder)) {
    if (connect_socket(socket_path(folder, name))) alive.push_back(name);
  }
  if (alive.size() > 1) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("several hosts run: {}", fmt::join(alive, ", ")),
                "say which with --name");
  }
  return alive.empty() ? std::string(kDefaultName) : alive.front();
}

ErrorKind kind_of(std::string_view code) {
  for (const ErrorKind kind : {ErrorKind::kInvalidArgument, ErrorKind::kNotFound,
                               ErrorKind::kUnsupported, ErrorKind::kFormatRejected,
                               ErrorKind::kRetry, ErrorKind::kDeviceLost, ErrorKind::kCancelled}) {
    if (reason_code(kind) == code) return kind;
  }
  return ErrorKind::kIo;
}

tl::unexpected<Error> host_error(ErrorKind kind, std::string message, std::string hint) {
  Error error;
  error.kind = kind;
  error.message = std::move(message);
  error.hint = std::move(hint);
  error.domain = ControlClient::kHostDomain;
  return tl::unexpected(std::move(error));
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Result<ControlClient> ControlClient::connect(const std::string& name) {
  ControlClient client;
  std::string host = name.empty() ? std::string(kDefaultName) : name;
  const auto folder = socket_folder();
  if (folder) {
    if (name.empty()) {
      auto picked = pick_name(*folder);
      if (!picked) return tl::unexpected(std::move(picked.error()));
      host = std::move(*picked);
    }
    if (auto socket = connect_socket(socket_path(*folder, host))) {
      client.socket_ = std::move(*socket);
      return client;
    }
  }
  sd_bus* bus = nullptr;
  if (sd_bus_open_user(&bus) >= 0) {
    client.bus_.reset(bus);
    client.bus_name_ = bus_name(host);
    if (sd_bus_get_name_creds(bus, client.bus_name_.c_str(), 0, nullptr) >= 0) return client;
  }
  return fail(ErrorKind::kNotFound,
              name.empty() ? "no host runs" : fmt::format("no host called '{}' runs", name),
              "start one with 'lumen-host stream', or with systemctl --user start lumen-host");
}

Result<Json> ControlClient::call(const Json& request) {
  return bus_ ? call_bus(request) : call_socket(request);
}

void ControlClient::wait_for_end() {
  const Timestamp deadline = now() + kPatience;
  if (bus_) {
    while (now() < deadline &&
           sd_bus_get_name_creds(bus_.get(), bus_name_.c_str(), 0, nullptr) >= 0) {
      ::poll(nullptr, 0, 20);
    }
    return;
  }
  while (lines_.read(socket_.borrow()) == LineReader::State::kOpen) {
    if (!wait_for(socket_.borrow(), POLLIN, deadline)) return;
  }
}

Result<Json> ControlClient::call_socket(const Json& request) {
  const Timestamp deadline = now() + kPatience;
  std::string unsent = request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  while (!unsent.empty()) {
    const auto sent = ::send(socket_.borrow(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      unsent.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto ready = wait_for(socket_.borrow(), POLLOUT, deadline); !ready) {
        return tl::unexpected(std::move(ready.error()));
      }
    } else if (errno != EINTR) {
      return fail_errno(ErrorKind::kDeviceLost, "the host has ended", errno);
    }
  }
  for (;;) {
    const auto state = lines_.read(socket_.borrow());
    if (const auto line = lines_.next()) {
      const Json answer = Json::parse(*line, nullptr, false);
      if (!answer.is_object()) return fail(ErrorKind::kIo, "the host's answer can't be read");
      if (answer.value("ok", false)) return answer.value("result", Json::object());
      const Json error = answer.value("error", Json::object());
      return host_error(kind_of(text_at(error, "kind")), text_at(error, "message"),
                        text_at(error, "hint"));
    }
    if (state != LineReader::State::kOpen) {
      return fail(ErrorKind::kDeviceLost, "the host has ended");
    }
    if (auto ready = wait_for(socket_.borrow(), POLLIN, deadline); !ready) {
      return tl::unexpected(std::move(ready.error()));
    }
  }
}

Result<Json> ControlClient::call_bus(const Json& request) {
  struct Member {
    std::string_view method;
    const char* member;
    const char* key;  // of its argument; null: none
  };
  static constexpr std::array kMembers = {Member{"status", "GetStatus", nullptr},
                                          Member{"add-sink", "AddSink", "sink"},
                                          Member{"set", "SetBitrate", "bitrate"},
                                          Member{"set", "SetCodec", "codec"},
                                          Member{"set", "SetSize", "size"},
                                          Member{"remove-sink", "RemoveSink", "id"},
                                          Member{"key-frame", "RequestKeyFrame", nullptr},
                                          Member{"start", "Start", nullptr},
                                          Member{"stop", "Stop", nullptr},
                                          Member{"reload", "Reload", nullptr},
                                          Member{"quit", "Quit", nullptr}};
  const std::string method = text_at(request, "method");
  const auto member = std::ranges::find_if(kMembers, [&](const Member& one) {
    return one.method == method && (one.key == nullptr || request.contains(one.key));
  });
  if (member == kMembers.end()) return fail(ErrorKind::kUnsupported, "not over the session bus");
  sd_bus_message* made = nullptr;
  int done = sd_bus_message_new_method_call(bus_.get(), &made, bus_name_.c_str(), kBusPath,
                                            kBusInterface, member->member);
  const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> message(
      made, &sd_bus_message_unref);
  if (done >= 0 && member->key != nullptr) {
    const Json& value = request[member->key];
    done = value.is_string()
               ? sd_bus_message_append(made, "s", value.get_ref<const std::string&>().c_str())
               : sd_bus_message_append(made, "u", value.get<std::uint32_t>());
  }
  if (done < 0) return fail_errno(ErrorKind::kIo, "the session bus", -done);
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message* got = nullptr;
  done = sd_bus_call(bus_.get(), message.get(),
                     static_cast<std::uint64_t>(
                         std::chrono::duration_cast<std::chrono::microseconds>(kPatience).count()),
                     &error, &got);
  const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> reply(
      got, &sd_bus_message_unref);
  if (done < 0) {
    const std::string text = error.message == nullptr ? "" : error.message;
    const bool ours = error.name != nullptr &&
                      std::string_view(error.name).starts_with("io.github.lumen.Host1.Error.");
    sd_bus_error_free(&error);
    if (ours) return host_error(ErrorKind::kInvalidArgument, text, "");
    return fail_errno(ErrorKind::kDeviceLost, "the host does not answer: " + text, -done);
  }
  Json result = Json::object();
  if (method == "status") {
    const char* text = "";
    if (sd_bus_message_read(got, "s", &text) >= 0) result = Json::parse(text, nullptr, false);
  } else if (method == "add-sink") {
    std::uint32_t id = 0;
    if (sd_bus_message_read(got, "u", &id) >= 0) result["id"] = id;
  } else if (method == "set") {
    result["ended"] = Json::array();
    (void)sd_bus_message_enter_container(got, 'a', "s");
    for (const char* name = nullptr; sd_bus_message_read(got, "s", &name) > 0;) {
      result["ended"].push_back(name);
    }
  }
  return result;
}

}  // namespace lumen::control
