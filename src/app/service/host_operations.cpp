#include "app/service/host_operations.h"

#include "core/log.h"

namespace lumen {
namespace {

control::HostControl::Sink to_sink(Pipeline::SinkInfo info) {
  return {.id = info.id, .name = std::move(info.name)};
}

}  // namespace

Result<control::HostControl::Sink> HostOperations::add_sink(const std::string& spec) {
  return pipeline_.add_sink(spec).map(to_sink);
}

Result<control::HostControl::Sink> HostOperations::remove_sink(unsigned id) {
  return pipeline_.remove_sink(id).map(to_sink);
}

Result<std::vector<std::string>> HostOperations::change(const StreamChange& change) {
  return pipeline_.change(change);
}

void HostOperations::reload() {
  reload_ = true;
  wake_();
}

void HostOperations::quit() {
  log::area("control").info("ending, as asked");
  quit_ = true;
  wake_();
}

}  // namespace lumen
