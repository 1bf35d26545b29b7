// Whose memory a session reads: a CUDA context on Linux, a Direct3D 11 device on Windows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ffnvcodec/nvEncodeAPI.h>

#include "picture.h"

namespace lumen::sim::nvenc {

class Simulator;
struct Registration;

/// How far the work on the device has come that a picture depends on.
struct WorkMark {
  void* stream = nullptr;
  std::uint64_t mark = 0;
};

/// One per session. The simulator's mutex guards it, but for wait() and read().
class Device {
 public:
  /// Of a client's parameters; on success `device` is there.
  static NVENCSTATUS open(Simulator& sim, const NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS& params,
                          std::shared_ptr<Device>& device);
  virtual ~Device() = default;

  /// False: lost, and no fault of the client.
  [[nodiscard]] virtual bool usable() const = 0;
  /// The calling thread is in a state that the session's calls may be made in.
  virtual void check_thread(Simulator& sim) const = 0;

  virtual NVENCSTATUS check_resource(Simulator& sim,
                                     const NV_ENC_REGISTER_RESOURCE& resource) const = 0;
  /// From here to release() the client may not free the memory.
  virtual void hold(Simulator& sim, Registration& registration) = 0;
  virtual void release(Simulator& sim, const Registration& registration) = 0;

  /// What nvEncSetIOCudaStreams is given.
  virtual NVENCSTATUS set_streams(Simulator& sim, NV_ENC_CUSTREAM_PTR input,
                                  NV_ENC_CUSTREAM_PTR output) = 0;
  /// Now, for a picture that is submitted now. On success `mark` is set.
  virtual NVENCSTATUS mark_work(Simulator& sim, WorkMark& mark) const = 0;
  /// Until the work is done. False: it can't be waited for any more.
  [[nodiscard]] virtual bool wait(const WorkMark& mark) const = 0;
  /// The planes of a registered picture of that size, rows without gaps.
  [[nodiscard]] virtual bool read(const NV_ENC_REGISTER_RESOURCE& resource,
                                  NV_ENC_BUFFER_FORMAT format, std::size_t width,
                                  std::size_t height, RawPlanes& pixels) const = 0;
};

}  // namespace lumen::sim::nvenc
