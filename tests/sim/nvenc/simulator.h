// The state of the stand-in for libnvidia-encode: one per process, made at the first call and never
// destroyed. One mutex guards it; it is free while a picture is read and encoded. What is checked,
// and how calls are counted and made to fail, is here; the calls themselves are in api_*.cpp.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "device.h"
#include "gpus.h"
#include "objects.h"
#include "tests/sim/journal.h"

namespace lumen::sim::nvenc {

using Lock = std::unique_lock<std::mutex>;

class Simulator {
 public:
  Simulator();

  std::mutex mutex;
  std::condition_variable frame_done;
  std::condition_variable chip_work;  // there is some, or it is to stop
  Journal journal{"NVENC stand-in", "LUMEN_SIM_NVENC"};
  ObjectTable objects;

  // Settings.
  const Gpu* gpu = nullptr;
  int session_limit = 0;
  unsigned version_major = NVENCAPI_MAJOR_VERSION;
  unsigned version_minor = NVENCAPI_MINOR_VERSION;
  bool encode_nothing = false;
  bool hangs = false;  // asynchronous mode: nothing is ever done
  bool set_gpu(const char* name);
  bool set_encode_mode(const char* name);
  /// Capabilities that this chip lacks, whatever its generation has.
  std::set<int> hidden;
  [[nodiscard]] int ability(CodecKind codec, NV_ENC_CAPS which) const;
  [[nodiscard]] bool can(CodecKind codec, NV_ENC_CAPS which) const {
    return ability(codec, which) != 0;
  }
  void configure_from_environment();

  std::map<std::uint64_t, int> holds;  // registrations, by allocation of the CUDA stand-in
  /// The chip hangs: what clients leave undone on their way down is not held against them.
  void hang();
  /// Takes everything of the session away, and the session.
  void forget(const Session& session, const void* handle);

  void violation(const std::string& text) { journal.violation(text); }
  /// A rule of the API is broken, and the call ends.
  NVENCSTATUS broken(NVENCSTATUS status, const std::string& text) {
    violation(text);
    return status;
  }

  /// The object behind a handle of the session, or null and a violation.
  template <typename Type>
  std::shared_ptr<Type> find(const Session& session, const void* handle) {
    const auto object = objects.find(handle);
    if (!explain(object.get(), handle, Type::kKind)) return nullptr;
    if (object->session != &session) {
      violation(std::string(name_of(Type::kKind)) + " of another session");
      return nullptr;
    }
    return std::static_pointer_cast<Type>(object);
  }
  std::shared_ptr<Session> find_session(const void* encoder);

 private:
  /// False: a violation, in words.
  bool explain(const Object* object, const void* handle, ObjectKind wanted);
};

Simulator& simulator();

/// What a call needs, and what it means when it is told to fail.
struct Needs {
  bool initialized = false;
  bool device = false;   // works on the GPU: the context must be usable
  bool release = false;  // happens all the same when it is told to fail
  bool trouble = false;  // its failure leaves the client without an orderly way down
};

/// Null, or of another version than the header's: a violation.
template <typename Params>
NVENCSTATUS check_version(Simulator& sim, const Params* params, std::uint32_t version,
                          const char* type) {
  if (params == nullptr) {
    return sim.broken(NV_ENC_ERR_INVALID_PTR, std::string("null ") + type);
  }
  if (params->version != version) {
    return sim.broken(NV_ENC_ERR_INVALID_VERSION, std::string(type) + " has another version");
  }
  return NV_ENC_SUCCESS;
}

NVENCSTATUS check_session(Simulator& sim, const Session* session, const Needs& needs);

/// Every entry point with a session goes through here.
template <typename Body>
NVENCSTATUS call(const char* name, void* encoder, const Needs& needs, Body&& body) {
  Simulator& sim = simulator();
  Lock lock(sim.mutex);
  const auto told = sim.journal.enter(name);
  const auto session = sim.find_session(encoder);
  NVENCSTATUS done = NV_ENC_ERR_GENERIC;
  if (!told || needs.release) {
    done = check_session(sim, session.get(), needs);
    if (done == NV_ENC_SUCCESS) done = body(sim, lock, session);
  }
  if (told) done = static_cast<NVENCSTATUS>(*told);
  if (session != nullptr && done != NV_ENC_SUCCESS) {
    if (needs.trouble && done != NV_ENC_ERR_LOCK_BUSY) session->troubled = true;
    session->last_error = std::string(name) + " failed with " + std::to_string(done);
  }
  sim.journal.leave(name, done);
  return done;
}

}  // namespace lumen::sim::nvenc
