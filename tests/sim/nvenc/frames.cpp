#include "frames.h"

#include <algorithm>

namespace lumen::sim::nvenc {
namespace {

bool read_pixels(const Session& session, Frame& frame) {
  return frame.mapping == nullptr ||
         session.device->read(frame.mapping->registration->description, frame.format,
                              static_cast<std::size_t>(frame.width),
                              static_cast<std::size_t>(frame.height), frame.pixels);
}

NVENCSTATUS encode(Session& session, Frame& frame) {
  const std::lock_guard guard(session.encoding_mutex);
  const Device& device = *session.device;
  if (!device.usable()) return NV_ENC_ERR_DEVICE_NOT_EXIST;
  if (!device.wait(frame.work)) {
    return device.usable() ? NV_ENC_ERR_INVALID_PARAM : NV_ENC_ERR_DEVICE_NOT_EXIST;
  }
  for (const Command& command : frame.before) {
    if (!session.encoding.apply(command)) return NV_ENC_ERR_GENERIC;
  }
  Picture picture;
  if (!session.encoding.ignores_input()) {
    if (!read_pixels(session, frame)) return NV_ENC_ERR_GENERIC;
    const StreamConfig& config = session.encoding.config();
    picture = convert(frame.format, frame.pixels, frame.width, frame.height, config.colour.matrix,
                      config.full_chroma);
  }
  auto result = session.encoding.encode(picture, frame.request);
  if (!result) return NV_ENC_ERR_GENERIC;
  frame.result = std::move(*result);
  return NV_ENC_SUCCESS;
}

}  // namespace

NVENCSTATUS encode_until(Simulator& sim, Lock& lock, const std::shared_ptr<Session>& session,
                         const std::shared_ptr<Frame>& last) {
  const auto submitted = session->submitted;
  for (const auto& frame : submitted) {
    sim.frame_done.wait(lock, [&] { return !frame->being_encoded; });
    if (!frame->encoded) {
      frame->being_encoded = true;
      lock.unlock();
      const NVENCSTATUS status = encode(*session, *frame);
      lock.lock();
      frame->being_encoded = false;
      frame->encoded = true;
      frame->status = status;
      if (status == NV_ENC_ERR_INVALID_PARAM) {
        sim.violation("the CUDA stream of the picture is gone");
      }
      frame->pixels.clear();
      sim.frame_done.notify_all();
    }
    if (frame == last) return frame->status;
  }
  return last == nullptr ? NV_ENC_SUCCESS : last->status;
}

}  // namespace lumen::sim::nvenc
