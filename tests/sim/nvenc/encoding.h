// What the chip does with a session's pictures, one after the other: decides picture types, places
// parameter sets, follows reconfiguration and reference invalidation. Not thread-safe: the session
// guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "codec.h"

namespace lumen::sim::nvenc {

/// Reconfiguration and invalidation take effect between two pictures, in the order of calls.
struct Command {
  enum class Kind { kReconfigure, kInvalidate };
  Kind kind = Kind::kReconfigure;
  StreamConfig config;  // kReconfigure
  bool reset = false;
  bool force_idr = false;
  std::uint64_t time_stamp = 0;  // kInvalidate
};

struct EncodeRequest {
  std::uint64_t time_stamp = 0;
  bool force_idr = false;
  bool force_intra = false;
  bool output_headers = false;
  bool start_refresh = false;
  std::optional<PictureType> type;  // the client decides
  /// The client's own memory, which it keeps until the picture is encoded; null: none.
  const std::int8_t* qp_map = nullptr;
  std::size_t qp_blocks = 0;
  std::optional<unsigned> ltr_mark;  // index
  std::uint32_t ltr_use = 0;         // bitmap; 0: whatever is newest
};

struct EncodeResult {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> slice_offsets;
  NV_ENC_PIC_TYPE type = NV_ENC_PIC_TYPE_P;
  std::uint32_t average_qp = 0;
  std::uint32_t number = 0;
  std::optional<unsigned> ltr_mark;  // as asked for
  std::uint32_t ltr_used = 0;
};

class Encoding {
 public:
  /// False: the software encoder refuses it.
  bool open(const StreamConfig& config, bool nothing);
  [[nodiscard]] const StreamConfig& config() const { return config_; }
  [[nodiscard]] std::vector<std::uint8_t> headers();
  /// False: it can't be done any more; the old configuration stays.
  bool apply(const Command& command);
  /// The next picture does not look at its pixels.
  [[nodiscard]] bool ignores_input() const;
  std::optional<EncodeResult> encode(const Picture& picture, const EncodeRequest& request);

 private:
  PictureType decide(const EncodeRequest& request) const;
  bool refresh_due(const EncodeRequest& request, PictureType type) const;
  /// The picture is to be predicted from these long-term references only.
  bool go_back_to(std::uint32_t ltr_bitmap);
  [[nodiscard]] std::vector<std::int8_t> qp_deltas(const EncodeRequest& request) const;
  EncodeResult assemble(CodedPicture coded, bool with_headers);

  StreamConfig config_;
  bool nothing_ = false;
  std::unique_ptr<Codec> codec_;
  std::int64_t number_ = 0;
  std::uint32_t since_idr_ = 0;
  std::uint32_t since_intra_ = 0;
  std::uint32_t since_refresh_ = 0;
  bool restart_ = true;
  bool headers_sent_ = false;
  std::deque<std::pair<std::uint64_t, std::int64_t>> numbers_;  // of time stamps
  std::map<unsigned, std::int64_t> long_term_;                  // numbers of pictures, by index
};

}  // namespace lumen::sim::nvenc
