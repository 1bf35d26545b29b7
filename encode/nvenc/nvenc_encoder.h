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

#include "encode/nvenc/reference_history.h"
#include "encode/nvenc/session.h"
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
    std::shared_ptr<const StreamParameters> stream;
  };

  NvencEncoder(std::unique_ptr<Device> device, const EncoderSettings& settings,
               EncodedFrameCallback callback);
  Result<void> open(std::shared_ptr<const Driver> driver);
  Result<void> describe_stream();
  Result<Slot*> free_slot();
  Result<void> submit(Slot& slot, NV_ENC_PIC_PARAMS& picture);
  void apply(const EncodeRequest& request, Timestamp pts, NV_ENC_PIC_PARAMS& picture, Slot& slot);
  void retrieve();
  Result<void> take(Slot& slot);
  void discard(Slot& slot);
  void wait_until_idle();

  std::unique_ptr<Device> device_;
  EncoderSettings settings_;
  EncodedFrameCallback callback_;
  std::unique_ptr<Session> session_;
  Capabilities caps_;
  Configuration configuration_;
  std::shared_ptr<const StreamParameters> stream_;
  std::optional<ReferenceHistory> history_;  // with invalidation
  unsigned wave_left_ = 0;                   // pictures of the intra-refresh wave under way
  bool new_sequence_ = true;                 // the next picture is an IDR whatever is asked
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
