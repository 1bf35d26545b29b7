#include "sim.h"

#include <cstring>

#include "copy.h"
#include "exports.h"
#include "simulator.h"

using namespace lumen::sim;

namespace {

std::shared_ptr<Stream> stream_of(Simulator& sim, CUcontext context, CUstream stream) {
  if (reinterpret_cast<std::uintptr_t>(stream) > 2) return sim.stream_handles.find(stream);
  const ContextState* state = sim.find_context(context);
  return state == nullptr ? nullptr : state->legacy;
}

int read_rows(const Rows& rows, Extent2D extent, void* to) {
  if (rows.first == nullptr) return 0;
  const Rows target{static_cast<std::byte*>(to), extent.width_bytes, nullptr, true};
  copy_now(rows, target, extent);
  return 1;
}

}  // namespace

extern "C" {

LUMEN_SIM_EXPORT std::uint64_t lumen_sim_cuda_mark(CUcontext context, CUstream handle) {
  Simulator& sim = simulator();
  Lock lock(sim.mutex);
  const auto stream = stream_of(sim, context, handle);
  // What reads on the default stream waits for the blocking streams too: submit() queues that.
  if (stream != nullptr && stream->legacy) sim.streams.submit(lock, stream, {});
  // A stream that was never used has mark 0 too; 1 is reached at once.
  return stream == nullptr ? 0 : stream->submitted + 1;
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_run(CUcontext context, CUstream handle, std::uint64_t mark) {
  Simulator& sim = simulator();
  Lock lock(sim.mutex);
  const auto stream = stream_of(sim, context, handle);
  if (stream == nullptr || mark == 0 || mark - 1 > stream->submitted) return 0;
  sim.streams.synchronize(lock, stream, mark - 1);
  const ContextState* state = sim.find_context(stream->context);
  return state != nullptr && !state->dead ? 1 : 0;
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_read(CUdeviceptr address, std::size_t pitch,
                                         std::size_t width_bytes, std::size_t height, void* to) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  if (width_bytes == 0 || height == 0) return 1;
  const Extent2D extent{width_bytes, height};
  return read_rows(rows_of_device(sim, address, pitch, extent, Access::kRead), extent, to);
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_read_array(CUarray array, std::size_t width_bytes,
                                               std::size_t height, void* to) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  if (width_bytes == 0 || height == 0) return 1;
  const Extent2D extent{width_bytes, height};
  return read_rows(rows_of_array(sim, array, 0, 0, extent, Access::kRead), extent, to);
}

LUMEN_SIM_EXPORT std::uint64_t lumen_sim_cuda_allocation(CUdeviceptr address, CUdeviceptr* base,
                                                         std::size_t* size) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  const auto allocation = sim.memory.find(address);
  if (allocation == nullptr) return 0;
  if (base != nullptr) *base = allocation->address;
  if (size != nullptr) *size = allocation->size;
  return allocation->id;
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_hold(CUdeviceptr address, const char* by) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  const auto allocation = sim.memory.find(address);
  if (allocation == nullptr) return 0;
  allocation->held_by = by == nullptr ? "" : by;
  return 1;
}

LUMEN_SIM_EXPORT CUcontext lumen_sim_cuda_current_context() {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  return sim.current();
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_context_usable(CUcontext context) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  const ContextState* state = sim.find_context(context);
  return state != nullptr && !state->dead ? 1 : 0;
}

LUMEN_SIM_EXPORT int lumen_sim_cuda_enter(const char* name) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  const auto told = sim.journal.enter(name);
  return told.value_or(-1);
}

LUMEN_SIM_EXPORT void lumen_sim_cuda_leave(const char* name, int code) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.journal.leave(name, code);
}

LUMEN_SIM_EXPORT void lumen_sim_cuda_violation(const char* text) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.violation(text);
}

}  // extern "C"
