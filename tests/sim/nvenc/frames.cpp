#include "frames.h"

#include <algorithm>

namespace lumen::sim::nvenc {
namespace {

/// Rows of an array lie one below the other, planes too.
bool read_array(const Session& session, const NV_ENC_REGISTER_RESOURCE& resource,
                const std::vector<PlaneLayout>& planes, RawPlanes& pixels) {
  const std::size_t width = planes[0].row_bytes;
  const std::size_t full_row = row_bytes_of(resource.bufferFormat, resource.width);
  std::size_t rows = 0;
  for (const PlaneLayout& plane : planes) rows = plane.offset / plane.pitch + plane.rows;
  std::vector<std::uint8_t> all(full_row * rows);
  const auto array = static_cast<CUarray>(resource.resourceToRegister);
  if (!Device::get().read_array(session.context, array, full_row, rows, all.data())) return false;
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const std::size_t first = planes[i].offset / planes[i].pitch;
    for (std::size_t y = 0; y < planes[i].rows; ++y) {
      const auto from = all.begin() + static_cast<std::ptrdiff_t>((first + y) * full_row);
      pixels[i].insert(pixels[i].end(), from, from + static_cast<std::ptrdiff_t>(width));
    }
  }
  return true;
}

bool read_pointer(const Session& session, const NV_ENC_REGISTER_RESOURCE& resource,
                  const std::vector<PlaneLayout>& planes, RawPlanes& pixels) {
  const auto base = reinterpret_cast<CUdeviceptr>(resource.resourceToRegister);
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const PlaneLayout& plane = planes[i];
    pixels[i].resize(plane.row_bytes * plane.rows);
    if (!Device::get().read(session.context, base + plane.offset, plane.pitch, plane.row_bytes,
                            plane.rows, pixels[i].data())) {
      return false;
    }
  }
  return true;
}

bool read_pixels(const Session& session, Frame& frame) {
  if (frame.mapping == nullptr) return true;
  const NV_ENC_REGISTER_RESOURCE& resource = frame.mapping->registration->description;
  const auto planes =
      planes_of(frame.format, static_cast<std::size_t>(frame.width),
                static_cast<std::size_t>(frame.height), resource.pitch, resource.height);
  frame.pixels.resize(planes.size());
  return resource.resourceType == NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY
             ? read_array(session, resource, planes, frame.pixels)
             : read_pointer(session, resource, planes, frame.pixels);
}

NVENCSTATUS encode(Session& session, Frame& frame) {
  const std::lock_guard guard(session.encoding_mutex);
  const Device& device = Device::get();
  if (!device.context_usable(session.context)) return NV_ENC_ERR_DEVICE_NOT_EXIST;
  if (!device.wait(session.context, frame.stream, frame.mark)) {
    return device.context_usable(session.context) ? NV_ENC_ERR_INVALID_PARAM
                                                  : NV_ENC_ERR_DEVICE_NOT_EXIST;
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
