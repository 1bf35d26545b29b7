// Streams, events, host functions.
#include "exports.h"
#include "simulator.h"

using namespace lumen::sim;

namespace {

/// Finds the stream, or says that there is none.
std::shared_ptr<Stream> require_stream(Simulator& sim, CUstream handle) {
  auto stream = sim.find_stream(handle);
  if (stream == nullptr) sim.violation("no such stream, or destroyed before");
  return stream;
}

std::shared_ptr<Event> require_event(Simulator& sim, CUevent handle) {
  auto event = sim.events.find(handle);
  if (event == nullptr) sim.violation("no such event, or destroyed before");
  return event;
}

}  // namespace

CUresult cuStreamCreate(CUstream* handle, unsigned flags) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || flags > CU_STREAM_NON_BLOCKING) return kInvalidValue;
    *handle = sim.stream_handles.insert(sim.streams.add(
        sim.current(), /*legacy=*/false, /*waits_for_legacy=*/flags != CU_STREAM_NON_BLOCKING));
    return CUDA_SUCCESS;
  });
}

// Returns at once; what is queued still runs, when somebody waits or some time later.
CUresult cuStreamDestroy_v2(CUstream handle) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock&) {
    if (sim.stream_handles.take(handle) == nullptr) {
      sim.violation("no such stream, or destroyed before");
      return kInvalidHandle;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamSynchronize(CUstream handle) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto stream = require_stream(sim, handle);
    if (stream == nullptr) return kInvalidHandle;
    sim.streams.synchronize(lock, stream, stream->submitted);
    return sim.after_waiting();
  });
}

CUresult cuStreamQuery(CUstream handle) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto stream = require_stream(sim, handle);
    if (stream == nullptr) return kInvalidHandle;
    if (stream->idle()) return CUDA_SUCCESS;
    sim.streams.progress(lock, stream);
    return CUDA_ERROR_NOT_READY;
  });
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent event_handle, unsigned flags) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    if (flags != 0) return kInvalidValue;
    const auto stream = require_stream(sim, handle);
    const auto event = require_event(sim, event_handle);
    if (stream == nullptr || event == nullptr) return kInvalidHandle;
    if (event->complete() || event->stream == stream) return CUDA_SUCCESS;
    Op op;
    op.after = event->stream;
    op.after_mark = event->mark;
    sim.streams.submit(lock, stream, std::move(op));
    return CUDA_SUCCESS;
  });
}

CUresult cuLaunchHostFunc(CUstream handle, lumen::cuda::HostFunction* function, void* user_data) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto stream = require_stream(sim, handle);
    if (stream == nullptr) return kInvalidHandle;
    if (function == nullptr) return kInvalidValue;
    Op op;
    op.host_function = [function, user_data] { function(user_data); };
    sim.streams.submit(lock, stream, std::move(op));
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamAddCallback(CUstream handle, CUstreamCallback* callback, void* user_data,
                             unsigned flags) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto stream = require_stream(sim, handle);
    if (stream == nullptr) return kInvalidHandle;
    if (callback == nullptr || flags != 0) return kInvalidValue;
    Op op;
    op.host_function = [=] { callback(handle, CUDA_SUCCESS, user_data); };
    sim.streams.submit(lock, stream, std::move(op));
    return CUDA_SUCCESS;
  });
}

CUresult cuEventCreate(CUevent* handle, unsigned flags) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock&) {
    if (handle == nullptr || flags > 7) return kInvalidValue;
    auto event = std::make_shared<Event>();
    event->context = sim.current();
    *handle = sim.events.insert(std::move(event));
    return CUDA_SUCCESS;
  });
}

CUresult cuEventDestroy_v2(CUevent handle) {
  return call(__func__, Needs::kContextToRelease, [&](Simulator& sim, Lock&) {
    if (sim.events.take(handle) == nullptr) {
      sim.violation("no such event, or destroyed before");
      return kInvalidHandle;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuEventRecord(CUevent handle, CUstream stream_handle) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto event = require_event(sim, handle);
    const auto stream = require_stream(sim, stream_handle);
    if (event == nullptr || stream == nullptr) return kInvalidHandle;
    sim.streams.submit(lock, stream, Op{});
    event->stream = stream;
    event->mark = stream->submitted;
    return CUDA_SUCCESS;
  });
}

CUresult cuEventQuery(CUevent handle) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto event = require_event(sim, handle);
    if (event == nullptr) return kInvalidHandle;
    if (event->complete()) return CUDA_SUCCESS;
    sim.streams.progress(lock, event->stream);
    return CUDA_ERROR_NOT_READY;
  });
}

CUresult cuEventSynchronize(CUevent handle) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    const auto event = require_event(sim, handle);
    if (event == nullptr) return kInvalidHandle;
    if (event->stream != nullptr) sim.streams.synchronize(lock, event->stream, event->mark);
    return sim.after_waiting();
  });
}
