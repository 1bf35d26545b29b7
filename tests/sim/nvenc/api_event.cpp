#include "api.h"
#include "completion.h"
#include "simulator.h"

namespace lumen::sim::nvenc {

bool was_waited_for(const CompletionEvent& event) {
  return event.signalled && !event.object->take_signal();
}

NVENCSTATUS find_event(Simulator& sim, const Session& session, void* handle,
                       const std::shared_ptr<Bitstream>& bitstream,
                       std::shared_ptr<CompletionEvent>& event) {
  if (session.params.enableEncodeAsync == 0) {
    if (handle == nullptr) return NV_ENC_SUCCESS;
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "a completion event in synchronous mode");
  }
  if (handle == nullptr) {
    return sim.broken(NV_ENC_ERR_INVALID_EVENT, "no completion event in asynchronous mode");
  }
  const auto entry = session.events.find(handle);
  if (entry == session.events.end()) {
    return sim.broken(NV_ENC_ERR_EVENT_NOT_REGISTERD, "the completion event is not registered");
  }
  event = sim.find<CompletionEvent>(session, entry->second);
  if (event->in_flight) {
    return sim.broken(NV_ENC_ERR_INVALID_EVENT, "the completion event belongs to another picture");
  }
  // "Each output buffer should be associated with a distinct event pointer."
  if ((bitstream != nullptr && bitstream->event != nullptr && bitstream->event != event) ||
      (event->used && event->bitstream.lock() != bitstream)) {
    return sim.broken(NV_ENC_ERR_INVALID_EVENT,
                      "another completion event than the bitstream buffer had before");
  }
  return NV_ENC_SUCCESS;
}

void attach(const std::shared_ptr<CompletionEvent>& event,
            const std::shared_ptr<Bitstream>& bitstream) {
  if (event == nullptr) return;
  event->used = true;
  event->in_flight = true;
  event->signalled = false;
  event->bitstream = bitstream;
  if (bitstream != nullptr) bitstream->event = event;
}

NVENCSTATUS nvEncRegisterAsyncEvent(void* encoder, NV_ENC_EVENT_PARAMS* params) {
  return call(__func__, encoder, {.initialized = kHasEvents, .trouble = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                if (!kHasEvents) return NV_ENC_ERR_UNIMPLEMENTED;
                const NVENCSTATUS version =
                    check_version(sim, params, NV_ENC_EVENT_PARAMS_VER, "NV_ENC_EVENT_PARAMS");
                if (version != NV_ENC_SUCCESS) return version;
                if (session->params.enableEncodeAsync == 0) {
                  return sim.broken(NV_ENC_ERR_INVALID_CALL, "an event in synchronous mode");
                }
                if (session->events.contains(params->completionEvent)) {
                  return sim.broken(NV_ENC_ERR_INVALID_EVENT, "the event is registered already");
                }
                auto event = std::make_shared<CompletionEvent>();
                event->session = session.get();
                event->object = OsEvent::open(params->completionEvent);
                if (event->object == nullptr) {
                  return sim.broken(NV_ENC_ERR_INVALID_EVENT, "no such event object");
                }
                session->events[params->completionEvent] = sim.objects.insert(event);
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncUnregisterAsyncEvent(void* encoder, NV_ENC_EVENT_PARAMS* params) {
  return call(__func__, encoder, {.release = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                if (!kHasEvents) return NV_ENC_ERR_UNIMPLEMENTED;
                const NVENCSTATUS version =
                    check_version(sim, params, NV_ENC_EVENT_PARAMS_VER, "NV_ENC_EVENT_PARAMS");
                if (version != NV_ENC_SUCCESS) return version;
                const auto entry = session->events.find(params->completionEvent);
                if (entry == session->events.end()) {
                  return sim.broken(NV_ENC_ERR_EVENT_NOT_REGISTERD, "the event is not registered");
                }
                const auto event = sim.find<CompletionEvent>(*session, entry->second);
                if (event->in_flight && !session->troubled) {
                  sim.violation("the event belongs to a picture in flight");
                }
                if (!event->object->is_open()) {
                  sim.violation("the event was closed while it was registered");
                }
                sim.objects.erase(entry->second);
                session->events.erase(entry);
                return NV_ENC_SUCCESS;
              });
}

}  // namespace lumen::sim::nvenc
