#include "app/control/bus_service.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/control/socket_path.h"
#include "app/status/status_json.h"

namespace lumen::control {
namespace {

const char* error_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "io.github.lumen.Host1.Error.InvalidArgument";
    case ErrorKind::kNotFound: return "io.github.lumen.Host1.Error.NotFound";
    case ErrorKind::kUnsupported: return "io.github.lumen.Host1.Error.Unsupported";
    default: return "io.github.lumen.Host1.Error.Failed";
  }
}

bool same_sinks(const std::vector<SinkStatus>& a, const std::vector<SinkStatus>& b) {
  return std::ranges::equal(a, b, [](const SinkStatus& x, const SinkStatus& y) {
    return x.id == y.id && x.name == y.name && x.state == y.state;
  });
}

const char* text_of(std::string_view text) { return text.data(); }

int append_sinks(sd_bus_message* message, const std::vector<SinkStatus>& sinks) {
  int done = sd_bus_message_open_container(message, 'a', "(uss)");
  for (const SinkStatus& sink : sinks) {
    if (done < 0) return done;
    done = sd_bus_message_append(message, "(uss)", sink.id, sink.name.c_str(),
                                 text_of(to_string(sink.state)));
  }
  return done < 0 ? done : sd_bus_message_close_container(message);
}

const char* read_text(sd_bus_message* message) {
  const char* text = nullptr;
  return sd_bus_message_read(message, "s", &text) < 0 ? "" : text;
}

}  // namespace

std::string bus_name(std::string_view host) {
  if (host == kDefaultName) return kBusInterface;
  // An element of a bus name begins with no digit (D-Bus Specification, "Bus names").
  const bool digit = host.front() >= '0' && host.front() <= '9';
  return fmt::format("{}.{}{}", kBusInterface, digit ? "_" : "", host);
}

namespace {

using Message = sd_bus_message;

Result<void> get_status(HostControl& host, Message* /*asked*/, Message* reply) {
  (void)sd_bus_message_append(reply, "s", to_json(host.status()).c_str());
  return {};
}

Result<void> add_sink(HostControl& host, Message* asked, Message* reply) {
  auto sink = host.add_sink(read_text(asked));
  if (!sink) return tl::unexpected(std::move(sink.error()));
  (void)sd_bus_message_append(reply, "u", sink->id);
  return {};
}

Result<void> remove_sink(HostControl& host, Message* asked, Message* /*reply*/) {
  std::uint32_t id = 0;
  (void)sd_bus_message_read(asked, "u", &id);
  return host.remove_sink(id).map([](const HostControl::Sink&) {});
}

Result<void> set(HostControl& host, Message* reply, const Result<Set>& set) {
  if (!set) return tl::unexpected(set.error());
  auto ended = host.change(set->change);
  if (!ended) return tl::unexpected(std::move(ended.error()));
  (void)sd_bus_message_open_container(reply, 'a', "s");
  for (const std::string& name : *ended) (void)sd_bus_message_append(reply, "s", name.c_str());
  (void)sd_bus_message_close_container(reply);
  return {};
}

Result<void> set_bitrate(HostControl& host, Message* asked, Message* reply) {
  return set(host, reply, parse_set(read_text(asked), "", ""));
}

Result<void> set_codec(HostControl& host, Message* asked, Message* reply) {
  return set(host, reply, parse_set("", read_text(asked), ""));
}

Result<void> set_size(HostControl& host, Message* asked, Message* reply) {
  return set(host, reply, parse_set("", "", read_text(asked)));
}

Result<void> request_key_frame(HostControl& host, Message* /*asked*/, Message* /*reply*/) {
  host.request_key_frame();
  return {};
}

Result<void> start(HostControl& host, Message* /*asked*/, Message* /*reply*/) {
  return host.start();
}

Result<void> stop(HostControl& host, Message* /*asked*/, Message* /*reply*/) { return host.stop(); }

Result<void> reload(HostControl& host, Message* /*asked*/, Message* /*reply*/) {
  host.reload();
  return {};
}

Result<void> quit(HostControl& host, Message* /*asked*/, Message* /*reply*/) {
  host.quit();
  return {};
}

}  // namespace

// Does what is asked, and answers with what that has put into the reply.
template <auto kDo>
int BusService::handle(sd_bus_message* asked, void* self, sd_bus_error* error) {
  sd_bus_message* made = nullptr;
  if (const int done = sd_bus_message_new_method_return(asked, &made); done < 0) return done;
  const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> reply(
      made, &sd_bus_message_unref);
  const Result<void> result = kDo(static_cast<BusService*>(self)->host_, asked, reply.get());
  if (result) return sd_bus_send(nullptr, reply.get(), nullptr);
  return sd_bus_error_set(error, error_name(result.error().kind),
                          result.error().describe().c_str());
}

const sd_bus_vtable BusService::kTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("GetStatus", "", "s", handle<get_status>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("AddSink", "s", "u", handle<add_sink>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RemoveSink", "u", "", handle<remove_sink>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("SetBitrate", "s", "as", handle<set_bitrate>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("SetCodec", "s", "as", handle<set_codec>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("SetSize", "s", "as", handle<set_size>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestKeyFrame", "", "", handle<request_key_frame>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Start", "", "", handle<start>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Stop", "", "", handle<stop>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Reload", "", "", handle<reload>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Quit", "", "", handle<quit>, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("Version", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("State", "s", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Source", "s", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Encoder", "s", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Codec", "s", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Width", "u", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Height", "u", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Bitrate", "t", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Sinks", "a(uss)", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

BusService::Properties BusService::properties_of(const StreamStatus& status) {
  return {.state = std::string(to_string(status.state)),
          .source = status.source,
          .encoder = status.encoder,
          .codec = status.codec ? std::string(to_string(*status.codec)) : "",
          .width = status.size.width,
          .height = status.size.height,
          .bitrate = status.target_bitrate_bps,
          .sinks = status.sinks};
}

int BusService::get(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply,
                    void* self, sd_bus_error*) {
  const std::string_view name = property;
  if (name == "Version") return sd_bus_message_append(reply, "s", LUMEN_VERSION);
  const Properties now_is = properties_of(static_cast<BusService*>(self)->host_.status());
  if (name == "State") return sd_bus_message_append(reply, "s", now_is.state.c_str());
  if (name == "Source") return sd_bus_message_append(reply, "s", now_is.source.c_str());
  if (name == "Encoder") return sd_bus_message_append(reply, "s", now_is.encoder.c_str());
  if (name == "Codec") return sd_bus_message_append(reply, "s", now_is.codec.c_str());
  if (name == "Width") return sd_bus_message_append(reply, "u", now_is.width);
  if (name == "Height") return sd_bus_message_append(reply, "u", now_is.height);
  if (name == "Bitrate") return sd_bus_message_append(reply, "t", now_is.bitrate);
  return append_sinks(reply, now_is.sinks);
}

Result<std::unique_ptr<BusService>> BusService::connect(std::string_view name, HostControl& host) {
  std::unique_ptr<BusService> self(new BusService(bus_name(name), host));
  sd_bus* bus = nullptr;
  if (const int done = sd_bus_open_user(&bus); done < 0) {
    return fail_errno(ErrorKind::kNotFound, "there is no session bus", -done);
  }
  self->bus_.reset(bus);
  if (const int done =
          sd_bus_add_object_vtable(bus, &self->slot_, kBusPath, kBusInterface, kTable, self.get());
      done < 0) {
    return fail_errno(ErrorKind::kIo, "the session bus", -done);
  }
  if (const int done = sd_bus_request_name(bus, self->name_.c_str(), 0); done < 0) {
    return fail_errno(ErrorKind::kRetry, fmt::format("the bus name {}", self->name_), -done);
  }
  self->told_ = properties_of(host.status());
  return self;
}

BusService::~BusService() { sd_bus_slot_unref(slot_); }

short BusService::events() const {
  const int events = sd_bus_get_events(bus_.get());
  return static_cast<short>(std::max(0, events));
}

// sd-bus counts on CLOCK_MONOTONIC, as now() does.
Timestamp BusService::deadline() const {
  std::uint64_t microseconds = 0;
  if (sd_bus_get_timeout(bus_.get(), &microseconds) < 0 || microseconds == UINT64_MAX) {
    return Timestamp::max();
  }
  return Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(microseconds)));
}

bool BusService::process() {
  for (;;) {
    const int done = sd_bus_process(bus_.get(), nullptr);
    if (done < 0) return false;
    if (done == 0) return sd_bus_is_open(bus_.get()) > 0;
  }
}

void BusService::publish(const StreamStatus& status) {
  Properties now_is = properties_of(status);
  std::vector<char*> changed;
  const auto tell = [&](bool same, const char* property) {
    if (!same) changed.push_back(const_cast<char*>(property));  // sd-bus only reads it
  };
  tell(now_is.state == told_.state, "State");
  tell(now_is.source == told_.source, "Source");
  tell(now_is.encoder == told_.encoder, "Encoder");
  tell(now_is.codec == told_.codec, "Codec");
  tell(now_is.width == told_.width, "Width");
  tell(now_is.height == told_.height, "Height");
  tell(now_is.bitrate == told_.bitrate, "Bitrate");
  tell(same_sinks(now_is.sinks, told_.sinks), "Sinks");
  told_ = std::move(now_is);
  if (changed.empty()) return;
  changed.push_back(nullptr);
  (void)sd_bus_emit_properties_changed_strv(bus_.get(), kBusPath, kBusInterface, changed.data());
}

}  // namespace lumen::control
