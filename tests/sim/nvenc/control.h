// What tests ask of the NVENC stand-in, by dlsym. Plain C, so that it works from any program.
//
// Environment, read at the first call and at reset: LUMEN_SIM_NVENC_GPU (maxwell, pascal, turing,
// ampere, ada, blackwell: see gpus.h), _SESSIONS (how many may be open), _VERSION ("10.0": the
// newest API that the driver has), _ENCODE (real; nothing: see codec_loop.h). Read at the first
// call only: _FAIL (rules as in set_fail), _TRACE (a file: a line per call, "THREAD NAME RESULT"),
// _STRICT=1 (abort at a violation).
#pragma once

#include <stdint.h>  // NOLINT(modernize-deprecated-headers): C

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// Forgets counts, failure rules and violations; settings as in the environment.
void lumen_sim_nvenc_reset(void);
/// "nvEncLockBitstream@5=8,nvEncMapInputResource@2+=20": the 5th call since reset fails with 8, the
/// 2nd and all later ones with 20. "*@7=20" counts all calls. A release (destroy, unmap,
/// unregister, unlock, an end of stream) happens all the same. Returns 0 where it is not
/// understood.
int lumen_sim_nvenc_set_fail(const char* rules);
/// Calls since reset, by their names in NV_ENCODE_API_FUNCTION_LIST; "*": all; "a,b": the sum.
uint64_t lumen_sim_nvenc_calls(const char* names);
/// One a line; empty: none. Valid until this thread asks again.
const char* lumen_sim_nvenc_violations(void);
/// Sessions, registrations, mapped inputs and buffers that are alive now.
uint64_t lumen_sim_nvenc_live_handles(void);
/// The same in words. Valid until this thread asks again.
const char* lumen_sim_nvenc_live_names(void);
/// Sessions that are open now.
uint64_t lumen_sim_nvenc_sessions(void);
void lumen_sim_nvenc_set_session_limit(int sessions);
/// As the environment; sets the session limit too. Returns 0 for an unknown one.
int lumen_sim_nvenc_set_gpu(const char* name);
/// "real" or "nothing", for sessions initialized from now on. Returns 0 for an unknown one.
int lumen_sim_nvenc_set_encode_mode(const char* mode);
/// An NV_ENC_CAPS that the chip lacks until reset, although its generation has it.
void lumen_sim_nvenc_hide_capability(int capability);
/// Asynchronous mode: nothing that the chip has or gets is ever done, until reset. What clients
/// leave undone on their way down is not held against them.
void lumen_sim_nvenc_hang(void);
/// The newest API version that the driver has.
void lumen_sim_nvenc_set_version(unsigned major, unsigned minor);

#ifdef __cplusplus
}

namespace lumen::sim {

/// The functions above, of a loaded stand-in. `library` of dlopen() or LoadLibrary(); ok() where it
/// is one.
struct NvencControl {
  explicit NvencControl(void* library) {
    find(library, reset, "lumen_sim_nvenc_reset");
    find(library, set_fail, "lumen_sim_nvenc_set_fail");
    find(library, calls, "lumen_sim_nvenc_calls");
    find(library, violations, "lumen_sim_nvenc_violations");
    find(library, live_handles, "lumen_sim_nvenc_live_handles");
    find(library, live_names, "lumen_sim_nvenc_live_names");
    find(library, sessions, "lumen_sim_nvenc_sessions");
    find(library, set_session_limit, "lumen_sim_nvenc_set_session_limit");
    find(library, set_gpu, "lumen_sim_nvenc_set_gpu");
    find(library, set_encode_mode, "lumen_sim_nvenc_set_encode_mode");
    find(library, hide_capability, "lumen_sim_nvenc_hide_capability");
    find(library, hang, "lumen_sim_nvenc_hang");
    find(library, set_version, "lumen_sim_nvenc_set_version");
  }
  [[nodiscard]] bool ok() const { return set_version != nullptr; }

  decltype(lumen_sim_nvenc_reset)* reset = nullptr;
  decltype(lumen_sim_nvenc_set_fail)* set_fail = nullptr;
  decltype(lumen_sim_nvenc_calls)* calls = nullptr;
  decltype(lumen_sim_nvenc_violations)* violations = nullptr;
  decltype(lumen_sim_nvenc_live_handles)* live_handles = nullptr;
  decltype(lumen_sim_nvenc_live_names)* live_names = nullptr;
  decltype(lumen_sim_nvenc_sessions)* sessions = nullptr;
  decltype(lumen_sim_nvenc_set_session_limit)* set_session_limit = nullptr;
  decltype(lumen_sim_nvenc_set_gpu)* set_gpu = nullptr;
  decltype(lumen_sim_nvenc_set_encode_mode)* set_encode_mode = nullptr;
  decltype(lumen_sim_nvenc_hide_capability)* hide_capability = nullptr;
  decltype(lumen_sim_nvenc_hang)* hang = nullptr;
  decltype(lumen_sim_nvenc_set_version)* set_version = nullptr;

 private:
  template <typename Function>
  static void find(void* library, Function*& function, const char* name) {
    if (library == nullptr) return;
#if defined(_WIN32)
    const auto address = ::GetProcAddress(static_cast<HMODULE>(library), name);
    function = reinterpret_cast<Function*>(reinterpret_cast<void*>(address));
#else
    function = reinterpret_cast<Function*>(::dlsym(library, name));
#endif
  }
};

}  // namespace lumen::sim
#endif
