#include "control.h"

#include <string>
#include <string_view>

#include "simulator.h"
#include "tests/sim/export.h"

using lumen::sim::nvenc::Lock;
using lumen::sim::nvenc::Simulator;
using lumen::sim::nvenc::simulator;

extern "C" {

LUMEN_SIM_EXPORT void lumen_sim_nvenc_reset() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.journal.reset();
  sim.configure_from_environment();
}

LUMEN_SIM_EXPORT int lumen_sim_nvenc_set_fail(const char* rules) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.journal.set_fail(rules) ? 1 : 0;
}

LUMEN_SIM_EXPORT std::uint64_t lumen_sim_nvenc_calls(const char* names) {
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

LUMEN_SIM_EXPORT const char* lumen_sim_nvenc_violations() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  thread_local std::string text;
  text = sim.journal.violations();
  return text.c_str();
}

LUMEN_SIM_EXPORT std::uint64_t lumen_sim_nvenc_live_handles() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.objects.count(nullptr, nullptr);
}

LUMEN_SIM_EXPORT const char* lumen_sim_nvenc_live_names() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  thread_local std::string text;
  text.clear();
  sim.objects.count(nullptr, &text);
  return text.c_str();
}

LUMEN_SIM_EXPORT std::uint64_t lumen_sim_nvenc_sessions() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.objects.sessions();
}

LUMEN_SIM_EXPORT void lumen_sim_nvenc_set_session_limit(int sessions) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.session_limit = sessions;
}

LUMEN_SIM_EXPORT int lumen_sim_nvenc_set_gpu(const char* name) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.set_gpu(name) ? 1 : 0;
}

LUMEN_SIM_EXPORT int lumen_sim_nvenc_set_encode_mode(const char* mode) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.set_encode_mode(mode) ? 1 : 0;
}

LUMEN_SIM_EXPORT void lumen_sim_nvenc_hide_capability(int capability) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.hidden.insert(capability);
}

LUMEN_SIM_EXPORT void lumen_sim_nvenc_hang() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.hang();
}

LUMEN_SIM_EXPORT void lumen_sim_nvenc_set_version(unsigned major, unsigned minor) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.version_major = major;
  sim.version_minor = minor;
}

}  // extern "C"
