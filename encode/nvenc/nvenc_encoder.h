// A VideoEncoder over NVIDIA's Video Codec SDK. encode() submits, a thread of its own waits for the
// bitstreams and hands them out, so that up to eight pictures are in flight and nobody waits for
// the chip unless all eight are.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "encode/nvenc/bitstream_reader.h"
#include "encode/nvenc/picture_orders.h"
#include "encode/nvenc/session.h"
#include "encode/reference_history.h"
#include "encode/video_encoder.h"

namespace lumen::nvenc {

class NvencEncoder final : public VideoEncoder {
 public:
  /// Errors: kUnsupported, kInvalidArgument as configure(); kIo, all sessions are taken;
  /// kDeviceLost.
  static Result<std::unique_ptr<VideoEncoder>> create(std::shared_ptr<const Driver> driver,
                                                      std::unique_ptr<Device> device,
                                                      const EncoderSettings& settings,
                                                      EncodedFrameCallback callback);
  ~NvencEncoder() override;

  [[nodiscard]] EncoderInput input() const override;
  [[nodiscard]] EncoderCapabilities capabilities() const override;
  [[nodiscard]] std::shared_ptr<const StreamParameters> stream() const override { return stream_; }
  Result<void> encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) override;
  Result<void> reconfigure(const EncoderChange& change) override;
  Result<void> flush() override;

 private:
  /// One picture in flight. Filled by encode(), emptied by the retrieval thread.
  struct Slot {
    std::size_t index = 0;
    NV_ENC_INPUT_PTR mapped = nullptr;
    Frame frame;  // its memory must not change until the chip has read it
    Timestamp pts;
    bool repaired = false;
    bool completed = false;               // Completion::wait() came back
    unsigned slices = 1;                  // handed out one by one
    std::shared_ptr<const QpMap> qp_map;  // the chip reads it where it is
    std::shared_ptr<const StreamParameters> stream;
  };

  NvencEncoder(std::unique_ptr<Device> device, const EncoderSettings& settings,
               EncodedFrameCallback callback);
  Result<void> open(std::shared_ptr<const Driver> driver);
  Result<void> describe_stream();
  Result<Slot*> free_slot();
  Result<void> check_map(const QpMap& map) const;
  Result<void> submit(Slot& slot, NV_ENC_PIC_PARAMS& picture);
  void retrieve();
  Result<void> take(Slot& slot);
  void hand_out(const Slot& slot, unsigned number, bool last, BitstreamPart part);
  void discard(Slot& slot);
  void wait_until_idle();

  std::unique_ptr<Device> device_;
  EncoderSettings settings_;
  EncodedFrameCallback callback_;
  std::unique_ptr<Session> session_;
  Capabilities caps_;
  Configuration configuration_;
  std::optional<BitstreamReader> reader_;
  std::shared_ptr<const StreamParameters> stream_;
  std::optional<PictureOrders> orders_;
  std::uint32_t next_index_ = 0;

  std::array<Slot, kSlots> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot*> free_;
  std::deque<Slot*> submitted_;  // the front one is with the retrieval thread
  std::optional<Error> error_;   // what retrieval died of
  bool silent_ = false;          // bitstreams are taken, but not handed out
  bool stopping_ = false;
  std::thread retrieval_;
};

}  // namespace lumen::nvenc
