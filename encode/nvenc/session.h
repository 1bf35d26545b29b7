// An open NVENC session: the encoder handle and its bitstream buffers, given back in the order that
// the API asks for.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "encode/nvenc/completion.h"
#include "encode/nvenc/configuration.h"
#include "encode/nvenc/device.h"
#include "encode/nvenc/driver.h"
#include "encode/nvenc/mapped_inputs.h"
#include "encode/nvenc/registrations.h"

namespace lumen::nvenc {

class Session {
 public:
  /// Opens a session on the device, to ask or to initialize. The device must outlive it.
  /// Errors: kUnsupported, no encoder here; kIo, all sessions are taken; kDeviceLost.
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<const Driver> driver,
                                               Device& device);
  Session(const Session&) = delete;
  /// Nothing may be mapped. Flushes, unregisters, destroys.
  ~Session();

  [[nodiscard]] void* handle() const { return handle_; }
  [[nodiscard]] const Driver& driver() const { return *driver_; }
  [[nodiscard]] Registrations& registrations() { return registrations_; }
  [[nodiscard]] MappedInputs& inputs() { return inputs_; }

  Result<NV_ENC_CONFIG> preset_config(const GUID& codec, const Preset& preset) const;
  /// Makes an encoder of it, with its bitstream buffers and completion. Once.
  Result<void> initialize(Configuration& configuration);
  Result<void> reconfigure(Configuration& configuration, bool new_size);
  [[nodiscard]] NV_ENC_OUTPUT_PTR bitstream(std::size_t slot) const { return bitstreams_[slot]; }
  /// Of an initialized one.
  [[nodiscard]] Completion& completion() { return *completion_; }

  /// SPS and PPS (VPS; AV1: the sequence header) as the driver writes them.
  Result<std::vector<std::uint8_t>> sequence_params() const;
  /// Tells the encoder that no more pictures come, and waits until it is through with those that it
  /// has. Errors are of no consequence.
  void end_of_stream();

 private:
  Session(std::shared_ptr<const Driver> driver, Device& device, void* handle)
      : driver_(std::move(driver)),
        device_(device),
        handle_(handle),
        registrations_(driver_, handle),
        inputs_(driver_, handle) {}

  std::shared_ptr<const Driver> driver_;
  Device& device_;
  void* handle_;
  Registrations registrations_;
  MappedInputs inputs_;
  std::array<NV_ENC_OUTPUT_PTR, kSlots> bitstreams_{};
  std::unique_ptr<Completion> completion_;
  bool ended_ = false;
};

}  // namespace lumen::nvenc
