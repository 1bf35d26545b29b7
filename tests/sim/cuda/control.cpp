#include "control.h"

#include <chrono>
#include <string>
#include <string_view>

#include "exports.h"
#include "simulator.h"

using lumen::sim::Lock;
using lumen::sim::Simulator;
using lumen::sim::simulator;

extern "C" {

LUMEN_SIM_EXPORT void lumen_sim_cuda_reset() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.journal.reset();
  sim.push_refused = false;
  sim.streams.configure_from_environment();
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_set_fail(const char* rules) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.journal.set_fail(rules) ? 1 : 0;
}

LUMEN_SIM_EXPORT std::uint64_t lumen_sim_cuda_calls(const char* names) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  std::uint64_t total = 0;
  for (std::string_view rest = names; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(name.size() == rest.size() ? name.size() : name.size() + 1);
    total += sim.journal.calls(name);
  }
  return total;
}

LUMEN_SIM_EXPORT const char* lumen_sim_cuda_violations() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  thread_local std::string text;
  text = sim.journal.violations();
  return text.c_str();
}

LUMEN_SIM_EXPORT std::uint64_t lumen_sim_cuda_live_handles() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.live_handles(nullptr);
}

LUMEN_SIM_EXPORT const char* lumen_sim_cuda_live_names() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  thread_local std::string text;
  text.clear();
  sim.live_handles(nullptr, &text);
  return text.c_str();
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_set_mode(const char* mode) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.streams.set_mode(mode) ? 1 : 0;
}

LUMEN_SIM_EXPORT void lumen_sim_cuda_set_idle_ms(int milliseconds) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.streams.set_idle(std::chrono::milliseconds(milliseconds));
}

LUMEN_SIM_EXPORT void lumen_sim_cuda_kill_context() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.kill_contexts();
}

}  // extern "C"
