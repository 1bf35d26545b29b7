#include "simulator.h"

#include <algorithm>
#include <cstdio>
#include <ranges>
#include <string_view>

namespace lumen::sim {
namespace {

/// This thread's context stack.
struct ThreadContexts {
  std::vector<CUcontext> stack;
  ~ThreadContexts() {
    if (stack.empty()) return;
    Simulator& sim = simulator();
    const Lock lock(sim.mutex);
    sim.violation("a thread ended with " + std::to_string(stack.size()) +
                  " contexts pushed and not popped");
    for (const CUcontext context : stack) {
      if (ContextState* state = sim.find_context(context)) --state->pushes;
    }
  }
};

thread_local ThreadContexts thread_contexts;

/// Prints what went wrong when the process ends, and ends the stand-in's thread before that.
struct AtExit {
  Simulator& sim;
  ~AtExit() {
    sim.streams.stop();
    const Lock lock(sim.mutex);
    if (sim.journal.violation_count() != 0) {
      std::fprintf(stderr, "CUDA stand-in: %zu violations:\n%s", sim.journal.violation_count(),
                   sim.journal.violations().c_str());
    }
    std::string names;
    if (sim.live_handles(nullptr, &names) != 0) {
      std::fprintf(stderr, "CUDA stand-in: alive at exit: %s\n", names.c_str());
    }
  }
};

}  // namespace

Simulator& simulator() {
  static auto* const sim = new Simulator;
  static const AtExit at_exit{*sim};
  return *sim;
}

Simulator::Simulator() = default;

CUcontext Simulator::make_context(bool is_primary) {
  next_context_ += 0x40;
  const auto handle = reinterpret_cast<CUcontext>(std::uint64_t{0x50} << 40 | next_context_);
  ContextState& state = contexts_[handle];
  state.primary = is_primary;
  state.legacy = streams.add(handle, /*legacy=*/true, /*waits_for_legacy=*/true);
  return handle;
}

void Simulator::destroy_context(Lock& lock, CUcontext context) {
  streams.run_all(lock, context);
  ContextState* state = find_context(context);
  if (state == nullptr) return;
  std::string names;
  if (!state->dead && !push_refused && live_handles(context, &names) != 0) {
    violation("context destroyed with " + names + " alive");
  }
  if (state->pushes != 0) violation("context destroyed while it is current on a thread");
  for (const auto& resource : resources.take_all(context)) {
    if (resource->source != nullptr) gl_release(*resource->source);
  }
  textures.take_all(context);
  arrays.take_all(context);
  functions.take_all(context);
  modules.take_all(context);
  events.take_all(context);
  stream_handles.take_all(context);
  memory.take_all(context);
  memory.take_all_host(context);
  external_memory.take_all(context);
  streams.forget(context);
  contexts_.erase(context);
}

ContextState* Simulator::find_context(CUcontext context) {
  const auto entry = contexts_.find(context);
  return entry == contexts_.end() ? nullptr : &entry->second;
}

CUcontext Simulator::current() const {
  return thread_contexts.stack.empty() ? nullptr : thread_contexts.stack.back();
}

void Simulator::push(CUcontext context) {
  thread_contexts.stack.push_back(context);
  if (ContextState* state = find_context(context)) ++state->pushes;
}

CUcontext Simulator::pop() {
  if (thread_contexts.stack.empty()) return nullptr;
  const CUcontext context = thread_contexts.stack.back();
  thread_contexts.stack.pop_back();
  if (ContextState* state = find_context(context)) --state->pushes;
  return context;
}

void Simulator::kill_contexts() {
  for (auto& [context, state] : contexts_) {
    state.dead = true;
    streams.abandon(context);
  }
}

std::shared_ptr<Stream> Simulator::find_stream(CUstream stream) {
  if (reinterpret_cast<std::uintptr_t>(stream) <= 2) {
    const ContextState* state = find_context(current());
    return state == nullptr ? nullptr : state->legacy;
  }
  return stream_handles.find(stream);
}

CUresult Simulator::after_waiting() {
  const ContextState* state = find_context(current());
  return state == nullptr || state->dead ? kContextIsDestroyed : CUDA_SUCCESS;
}

std::size_t Simulator::live_handles(CUcontext context, std::string* names) {
  std::size_t total = 0;
  const auto add = [&](std::size_t count, const char* what) {
    total += count;
    if (count == 0 || names == nullptr) return;
    if (!names->empty()) *names += ", ";
    *names += std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  add(memory.count(context), "device allocation");
  add(memory.count_host(context), "host allocation");
  // Arrays of graphics resources go with these.
  std::size_t own_arrays = arrays.count(context);
  for (const auto& resource : resources.all(context)) own_arrays -= resource->array != nullptr;
  add(own_arrays, "array");
  add(textures.count(context), "texture object");
  add(stream_handles.count(context), "stream");
  add(events.count(context), "event");
  add(modules.count(context), "module");
  add(resources.count(context), "graphics resource");
  add(external_memory.count(context), "external memory object");
  if (context == nullptr) {
    const auto is_primary = [](const auto& entry) { return entry.second.primary; };
    add(static_cast<std::size_t>(primary_references), "reference to the primary context");
    add(contexts_.size() - static_cast<std::size_t>(std::ranges::count_if(contexts_, is_primary)),
        "context");
  }
  return total;
}

std::optional<CUresult> enter(Simulator& sim, const char* name, Needs needs,
                              std::optional<CUresult>& forced) {
  const auto told = sim.journal.enter(name);
  const auto injected = told ? std::optional(result(*told)) : std::nullopt;
  if (Streams::in_host_function()) {
    sim.violation("called inside a host function");
    return kNotPermitted;
  }
  const bool release = needs >= Needs::kNothingToRelease;
  if (injected && !release) {
    if (std::string_view(name) == "cuCtxPushCurrent_v2") sim.push_refused = true;
    return injected;
  }
  forced = injected;
  if (needs == Needs::kNothing || needs == Needs::kNothingToRelease) return std::nullopt;
  if (!sim.initialized) {
    sim.violation("called before cuInit");
    return kNotInitialized;
  }
  if (needs == Needs::kInit || needs == Needs::kInitToRelease) return std::nullopt;
  const CUcontext current = sim.current();
  if (current == nullptr) {
    if (!release || !sim.push_refused) sim.violation("called without a current context");
    return kInvalidContext;
  }
  const ContextState* state = sim.find_context(current);
  if (state == nullptr) {
    sim.violation("called with a destroyed context current");
    return kContextIsDestroyed;
  }
  if (state->dead) return kContextIsDestroyed;
  return std::nullopt;
}

CUresult unsupported(const char* name) {
  return call(name, Needs::kNothing, [](Simulator&, Lock&) { return kNotSupported; });
}

}  // namespace lumen::sim
