#include "simulator.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace lumen::sim::nvenc {
namespace {

struct AtExit {
  Simulator& sim;
  ~AtExit() {
    const Lock lock(sim.mutex);
    if (sim.journal.violation_count() != 0) {
      std::fprintf(stderr, "NVENC stand-in: %zu violations:\n%s", sim.journal.violation_count(),
                   sim.journal.violations().c_str());
    }
    std::string names;
    if (sim.objects.count(nullptr, &names) != 0) {
      std::fprintf(stderr, "NVENC stand-in: alive at exit: %s\n", names.c_str());
    }
  }
};

void refuse_environment(const char* name, const char* value) {
  std::fprintf(stderr, "NVENC stand-in: %s=%s is not understood\n", name, value);
  std::abort();
}

}  // namespace

Simulator& simulator() {
  static auto* const sim = new Simulator;
  static const AtExit at_exit{*sim};
  return *sim;
}

Simulator::Simulator() { configure_from_environment(); }

void Simulator::configure_from_environment() {
  gpu = find_gpu(kDefaultGpu);
  session_limit = gpu->sessions;
  encode_nothing = false;
  hangs = false;
  hidden.clear();
  version_major = NVENCAPI_MAJOR_VERSION;
  version_minor = NVENCAPI_MINOR_VERSION;
  const auto each = [](const char* name, auto&& use) {
    const char* value = std::getenv(name);
    if (value != nullptr && !use(value)) refuse_environment(name, value);
  };
  each("LUMEN_SIM_NVENC_GPU", [&](const char* value) { return set_gpu(value); });
  each("LUMEN_SIM_NVENC_ENCODE", [&](const char* value) { return set_encode_mode(value); });
  each("LUMEN_SIM_NVENC_SESSIONS",
       [&](const char* value) { return std::sscanf(value, "%d", &session_limit) == 1; });
  each("LUMEN_SIM_NVENC_VERSION", [&](const char* value) {
    return std::sscanf(value, "%u.%u", &version_major, &version_minor) == 2;
  });
}

bool Simulator::set_gpu(const char* name) {
  const Gpu* found = find_gpu(name);
  if (found == nullptr) return false;
  gpu = found;
  session_limit = found->sessions;
  return true;
}

bool Simulator::set_encode_mode(const char* name) {
  const std::string_view mode = name;
  if (mode != "real" && mode != "nothing") return false;
  encode_nothing = mode == "nothing";
  return true;
}

int Simulator::ability(CodecKind codec, NV_ENC_CAPS which) const {
  int value = 0;
  return !hidden.contains(which) && capability(*gpu, codec, which, value) ? value : 0;
}

void Simulator::hang() {
  hangs = true;
  for (const auto& session : objects.all_sessions()) session->troubled = true;
}

void Simulator::forget(const Session& session, const void* handle) {
  for (const auto& object : objects.all(session)) {
    if (object->kind == ObjectKind::kRegistration) {
      session.device->release(*this, static_cast<const Registration&>(*object));
    }
  }
  objects.erase_all(session);
  objects.erase(handle);
}

bool Simulator::explain(const Object* object, const void* handle, ObjectKind wanted) {
  const std::string name = name_of(wanted);
  if (object == nullptr) {
    if (handle == nullptr) {
      violation("null " + name);
    } else {
      violation(objects.is_stale(handle) ? name + " that is gone" : "no such " + name);
    }
    return false;
  }
  if (object->kind == wanted) return true;
  violation(std::string(name_of(object->kind)) + " given as " + name);
  return false;
}

std::shared_ptr<Session> Simulator::find_session(const void* encoder) {
  const auto object = objects.find(encoder);
  if (!explain(object.get(), encoder, ObjectKind::kSession)) return nullptr;
  return std::static_pointer_cast<Session>(object);
}

NVENCSTATUS check_session(Simulator& sim, const Session* session, const Needs& needs) {
  if (session == nullptr) return NV_ENC_ERR_INVALID_ENCODERDEVICE;
  if (needs.initialized && !session->initialized) {
    return sim.broken(NV_ENC_ERR_ENCODER_NOT_INITIALIZED, "before nvEncInitializeEncoder");
  }
  if (!needs.device) return NV_ENC_SUCCESS;
  session->device->check_thread(sim);
  if (!session->device->usable()) return NV_ENC_ERR_DEVICE_NOT_EXIST;
  return NV_ENC_SUCCESS;
}

}  // namespace lumen::sim::nvenc
