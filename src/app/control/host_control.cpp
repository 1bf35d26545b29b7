#include "app/control/host_control.h"

#include <utility>

#include "app/status/status_json.h"

namespace lumen::control {
namespace {

using Json = nlohmann::ordered_json;

Json nothing() { return Json::object(); }

Json sink_json(const HostControl::Sink& sink) { return {{"id", sink.id}, {"name", sink.name}}; }

struct Execute {
  HostControl& host;

  Result<Json> operator()(const GetStatus&) const { return Json::parse(to_json(host.status())); }
  Result<Json> operator()(const AddSink& add) const {
    return host.add_sink(add.sink).map(sink_json);
  }
  Result<Json> operator()(const RemoveSink& remove) const {
    return host.remove_sink(remove.id).map(sink_json);
  }
  Result<Json> operator()(const Set& set) const {
    return host.change(set.change).map([](const std::vector<std::string>& ended) -> Json {
      return {{"ended", ended}};
    });
  }
  Result<Json> operator()(const KeyFrame&) const {
    host.request_key_frame();
    return nothing();
  }
  Result<Json> operator()(const Start&) const { return host.start().map(nothing); }
  Result<Json> operator()(const Stop&) const { return host.stop().map(nothing); }
  Result<Json> operator()(const Reload&) const {
    host.reload();
    return nothing();
  }
  Result<Json> operator()(const Quit&) const {
    host.quit();
    return nothing();
  }
};

}  // namespace

Result<Json> execute(const Request& request, HostControl& host) {
  return std::visit(Execute{host}, request);
}

}  // namespace lumen::control
