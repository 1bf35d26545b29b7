// lumen-test-producer: see --help. Exit: 0 finished or stopped by a signal, 1 no daemon or daemon
// lost, 2 bad command line.
#include <csignal>
#include <cstdio>
#include <memory>

#include <pipewire/pipewire.h>

#include "options.h"
#include "producer.h"

namespace {

constexpr int kExitNoDaemon = 1;
constexpr int kExitUsage = 2;

struct PipeWireLibrary {
  PipeWireLibrary() { pw_init(nullptr, nullptr); }
  PipeWireLibrary(const PipeWireLibrary&) = delete;
  ~PipeWireLibrary() { pw_deinit(); }
};

struct Destroy {
  void operator()(pw_main_loop* loop) const { pw_main_loop_destroy(loop); }
  void operator()(pw_context* context) const { pw_context_destroy(context); }
  void operator()(pw_core* core) const { pw_core_disconnect(core); }
};

int complain(const lumen::Error& error, int code) {
  std::fprintf(stderr, "lumen-test-producer: %s\n", error.describe().c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using lumen::producer::Producer;
  auto options = lumen::producer::parse_options(argc, argv);
  if (!options && options.error().kind == lumen::ErrorKind::kCancelled) {
    std::puts(options.error().message.c_str());
    return 0;
  }
  if (!options) return complain(options.error(), kExitUsage);

  const PipeWireLibrary library;
  const std::unique_ptr<pw_main_loop, Destroy> loop(pw_main_loop_new(nullptr));
  if (!loop) return kExitNoDaemon;
  pw_loop* const events = pw_main_loop_get_loop(loop.get());
  const auto quit = [](void* data, int) { pw_main_loop_quit(static_cast<pw_main_loop*>(data)); };
  pw_loop_add_signal(events, SIGINT, quit, loop.get());
  pw_loop_add_signal(events, SIGTERM, quit, loop.get());
  const std::unique_ptr<pw_context, Destroy> context(pw_context_new(events, nullptr, 0));
  if (!context) return kExitNoDaemon;
  const std::unique_ptr<pw_core, Destroy> core(pw_context_connect(context.get(), nullptr, 0));
  if (!core) {
    std::fputs("lumen-test-producer: no PipeWire daemon answers\n", stderr);
    return kExitNoDaemon;
  }

  Producer producer(loop.get(), core.get(), *std::move(options));
  const auto end = producer.run();
  producer.print_totals();
  if (!end) return complain(end.error(), kExitNoDaemon);
  return *end == Producer::End::kFinished ? 0 : kExitNoDaemon;
}
