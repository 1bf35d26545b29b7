// What tests ask of the CUDA stand-in, by dlsym. Plain C, so that it works from any program.
//
// Environment, read at the first call: LUMEN_SIM_CUDA_FAIL (rules as in set_fail), _TRACE (a file:
// a line per call, "THREAD NAME RESULT"), _STRICT=1 (abort at a violation), _MODE (lazy, immediate,
// thread, reversed), _IDLE_MS (20: when queued work runs though nobody waits), _REUSE=1 (freed
// addresses are given out again), _UUID (32 hexadecimal digits), _EGL (array, pitch, refuse),
// _EGL_ORDER (bgra, rgba: the order of a registered image's bytes, where it can't be found out).
#pragma once

#include <dlfcn.h>
#include <stdint.h>  // NOLINT(modernize-deprecated-headers): C

#ifdef __cplusplus
extern "C" {
#endif

/// Forgets counts, failure rules and violations; mode and idle time as in the environment.
void lumen_sim_cuda_reset(void);
/// "cuMemAllocPitch_v2@5=2,cuMemcpy2DAsync_v2@2+=700": the 5th call since reset fails with 2, the
/// 2nd and all later ones with 700. "*@7=2" counts all calls. A release happens all the same.
/// Returns 0 where it is not understood.
int lumen_sim_cuda_set_fail(const char* rules);
/// Calls of an exported name since reset; "*": all; "a,b": the sum.
uint64_t lumen_sim_cuda_calls(const char* names);
/// One a line; empty: none. Valid until this thread asks again.
const char* lumen_sim_cuda_violations(void);
/// Objects that are alive now, references to the primary context included.
uint64_t lumen_sim_cuda_live_handles(void);
/// The same in words. Valid until this thread asks again.
const char* lumen_sim_cuda_live_names(void);
/// As LUMEN_SIM_CUDA_MODE. Returns 0 for an unknown one.
int lumen_sim_cuda_set_mode(const char* mode);
void lumen_sim_cuda_set_idle_ms(int milliseconds);
/// The GPU falls off the bus: queued work never runs, and every call that needs a context gives 709
/// until all references to it were released and it is retained anew.
void lumen_sim_cuda_kill_context(void);

#ifdef __cplusplus
}

namespace lumen::sim {

/// The functions above, of a loaded stand-in. `library` of dlopen(); ok() where it is one.
struct Control {
  explicit Control(void* library) {
    find(library, reset, "lumen_sim_cuda_reset");
    find(library, set_fail, "lumen_sim_cuda_set_fail");
    find(library, calls, "lumen_sim_cuda_calls");
    find(library, violations, "lumen_sim_cuda_violations");
    find(library, live_handles, "lumen_sim_cuda_live_handles");
    find(library, live_names, "lumen_sim_cuda_live_names");
    find(library, set_mode, "lumen_sim_cuda_set_mode");
    find(library, set_idle_ms, "lumen_sim_cuda_set_idle_ms");
    find(library, kill_context, "lumen_sim_cuda_kill_context");
  }
  [[nodiscard]] bool ok() const { return kill_context != nullptr; }

  decltype(lumen_sim_cuda_reset)* reset = nullptr;
  decltype(lumen_sim_cuda_set_fail)* set_fail = nullptr;
  decltype(lumen_sim_cuda_calls)* calls = nullptr;
  decltype(lumen_sim_cuda_violations)* violations = nullptr;
  decltype(lumen_sim_cuda_live_handles)* live_handles = nullptr;
  decltype(lumen_sim_cuda_live_names)* live_names = nullptr;
  decltype(lumen_sim_cuda_set_mode)* set_mode = nullptr;
  decltype(lumen_sim_cuda_set_idle_ms)* set_idle_ms = nullptr;
  decltype(lumen_sim_cuda_kill_context)* kill_context = nullptr;

 private:
  template <typename Function>
  static void find(void* library, Function*& function, const char* name) {
    if (library != nullptr) function = reinterpret_cast<Function*>(::dlsym(library, name));
  }
};

}  // namespace lumen::sim
#endif
