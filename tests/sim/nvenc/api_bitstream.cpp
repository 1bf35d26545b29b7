#include <algorithm>

#include "api.h"
#include "completion.h"
#include "frames.h"
#include "simulator.h"

namespace lumen::sim::nvenc {
namespace {

constexpr std::uint8_t kPoison = 0xA5;
// NV_ENC_LOCK_BITSTREAM::hwEncodeStatus has no names in the header.
constexpr std::uint32_t kInProgress = 1;
constexpr std::uint32_t kComplete = 2;

void describe(const Session& session, Frame& frame, NV_ENC_LOCK_BITSTREAM& params) {
  EncodeResult& result = frame.result;
  const std::size_t slices = result.slice_offsets.size();
  const bool partial = frame.slices_shown < slices;
  params.frameIdx = frame.index;
  params.hwEncodeStatus = partial ? kInProgress : kComplete;
  params.bitstreamSizeInBytes = static_cast<std::uint32_t>(
      partial ? result.slice_offsets[frame.slices_shown] : result.bytes.size());
  params.outputTimeStamp = frame.request.time_stamp;
  params.outputDuration = frame.duration;
  params.bitstreamBufferPtr = result.bytes.data();
  params.pictureType = result.type;
  params.pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
  params.frameAvgQP = result.average_qp;
  params.ltrFrame = result.ltr_mark ? 1 : 0;
  params.ltrFrameIdx = result.ltr_mark.value_or(0);
  params.ltrFrameBitmap = result.ltr_used;
  params.temporalId = 0;
  if (session.params.reportSliceOffsets == 0) return;
  const std::size_t shown = partial ? frame.slices_shown : slices;
  params.numSlices = static_cast<std::uint32_t>(shown);
  if (params.sliceOffsets != nullptr) {
    std::copy_n(result.slice_offsets.begin(), shown, params.sliceOffsets);
  }
}

/// The picture left the encoder.
void finish(Session& session, const std::shared_ptr<Frame>& frame) {
  std::erase(session.submitted, frame);
  session.ends_in_a_row = 0;
  if (frame->mapping != nullptr) --frame->mapping->frames_in_flight;
  if (frame->event != nullptr) frame->event->in_flight = false;
}

NVENCSTATUS lock_frame(Simulator& sim, Lock& lock, const std::shared_ptr<Session>& session,
                       const std::shared_ptr<Bitstream>& bitstream, NV_ENC_LOCK_BITSTREAM& params) {
  const auto frame = bitstream->frame;
  if (frame == nullptr) return sim.broken(NV_ENC_ERR_INVALID_PARAM, "locked without a picture");
  if (bitstream->locked) return sim.broken(NV_ENC_ERR_INVALID_CALL, "locked already");
  // The thread that locks an older picture is on its way.
  sim.frame_done.wait(lock, [&] {
    return session->submitted.empty() || session->submitted.front() == frame ||
           !session->submitted.front()->being_encoded;
  });
  if (bitstream->frame != frame) return NV_ENC_ERR_INVALID_CALL;  // destroyed meanwhile
  if (session->submitted.empty() || session->submitted.front() != frame) {
    return sim.broken(NV_ENC_ERR_INVALID_CALL, "not locked in the order of submission");
  }
  // "Only after the event is signaled the client can get the encoded data."
  if (frame->event != nullptr && !was_waited_for(*frame->event)) {
    return sim.broken(NV_ENC_ERR_INVALID_CALL, "locked before its completion event was waited for");
  }
  if (params.doNotWait != 0 && !frame->encoded && !frame->was_busy) {
    frame->was_busy = true;
    return NV_ENC_ERR_LOCK_BUSY;
  }
  const NVENCSTATUS status = encode_until(sim, lock, session, frame);
  if (status != NV_ENC_SUCCESS) {
    bitstream->frame = nullptr;
    finish(*session, frame);
    sim.frame_done.notify_all();
    return status;
  }
  const bool by_slices = session->params.enableSubFrameWrite != 0 && params.doNotWait != 0;
  frame->slices_shown = by_slices ? frame->slices_shown + 1 : frame->result.slice_offsets.size();
  bitstream->locked = true;
  describe(*session, *frame, params);
  if (params.hwEncodeStatus == kComplete) {
    finish(*session, frame);
    sim.frame_done.notify_all();
  }
  return NV_ENC_SUCCESS;
}

}  // namespace

NVENCSTATUS nvEncCreateBitstreamBuffer(void* encoder, NV_ENC_CREATE_BITSTREAM_BUFFER* params) {
  return call(__func__, encoder, {.initialized = true, .device = true, .trouble = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const NVENCSTATUS version =
                    check_version(sim, params, NV_ENC_CREATE_BITSTREAM_BUFFER_VER,
                                  "NV_ENC_CREATE_BITSTREAM_BUFFER");
                if (version != NV_ENC_SUCCESS) return version;
                auto bitstream = std::make_shared<Bitstream>();
                bitstream->session = session.get();
                params->bitstreamBuffer = sim.objects.insert(bitstream);
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncDestroyBitstreamBuffer(void* encoder, NV_ENC_OUTPUT_PTR handle) {
  return call(
      __func__, encoder, {.release = true}, [&](Simulator& sim, Lock&, const auto& session) {
        if (handle == nullptr && session->troubled) return NV_ENC_ERR_INVALID_PTR;
        const auto bitstream = sim.find<Bitstream>(*session, handle);
        if (bitstream == nullptr) return NV_ENC_ERR_INVALID_PTR;
        if (bitstream->locked) {
          sim.violation("the bitstream buffer is locked");
        } else if (bitstream->frame != nullptr && session->stream_open && !session->troubled) {
          sim.violation("the bitstream buffer has a picture in flight");
        }
        if (bitstream->frame != nullptr) {
          finish(*session, bitstream->frame);
          bitstream->frame = nullptr;
          sim.frame_done.notify_all();
        }
        sim.objects.erase(handle);
        return NV_ENC_SUCCESS;
      });
}

NVENCSTATUS nvEncLockBitstream(void* encoder, NV_ENC_LOCK_BITSTREAM* params) {
  return call(__func__, encoder, {.initialized = true, .device = true, .trouble = true},
              [&](Simulator& sim, Lock& lock, const auto& session) {
                const NVENCSTATUS version =
                    check_version(sim, params, NV_ENC_LOCK_BITSTREAM_VER, "NV_ENC_LOCK_BITSTREAM");
                if (version != NV_ENC_SUCCESS) return version;
                const auto bitstream = sim.find<Bitstream>(*session, params->outputBitstream);
                if (bitstream == nullptr) return NV_ENC_ERR_INVALID_PARAM;
                if (session->params.reportSliceOffsets != 0 && params->sliceOffsets == nullptr) {
                  return sim.broken(NV_ENC_ERR_INVALID_PARAM,
                                    "reportSliceOffsets, but no place for them");
                }
                return lock_frame(sim, lock, session, bitstream, *params);
              });
}

NVENCSTATUS nvEncUnlockBitstream(void* encoder, NV_ENC_OUTPUT_PTR handle) {
  return call(__func__, encoder, {.initialized = true, .release = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const auto bitstream = sim.find<Bitstream>(*session, handle);
                if (bitstream == nullptr) return NV_ENC_ERR_INVALID_PARAM;
                if (!bitstream->locked) return sim.broken(NV_ENC_ERR_INVALID_CALL, "not locked");
                bitstream->locked = false;
                Frame& frame = *bitstream->frame;
                const bool complete = frame.slices_shown >= frame.result.slice_offsets.size();
                if (!complete) return NV_ENC_SUCCESS;
                // Whoever still reads there reads rubbish.
                std::ranges::fill(frame.result.bytes, kPoison);
                bitstream->spent = std::move(frame.result.bytes);
                bitstream->frame = nullptr;
                return NV_ENC_SUCCESS;
              });
}

}  // namespace lumen::sim::nvenc
