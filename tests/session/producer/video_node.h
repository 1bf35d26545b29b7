// One PipeWire video source node: negotiation, buffers, and sending the test pattern.
//
// It drives the graph (PW_STREAM_FLAG_DRIVER): a frame leaves when send() is called. Everything
// runs on the main loop; no real-time thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <pipewire/pipewire.h>

#include "capture/synthetic/pattern.h"
#include "core/error.h"
#include "core/time.h"
#include "late_sync.h"
#include "node_settings.h"
#include "personality.h"
#include "pods.h"
#include "shared_picture.h"

namespace lumen::producer {

class VideoNode {
 public:
  /// Called inside PipeWire's own events: don't destroy the node there.
  struct Callbacks {
    std::function<void(std::uint32_t node_id)> exists;
    std::function<void()> streaming;
    std::function<void()> paused;
    std::function<void()> bad_set;  // its first buffer was made
    std::function<void(const std::string&)> failed;
  };
  enum class Sent { kGood, kBad, kNoBuffer };
  enum class Activity { kActive, kInactive };

  /// `sync`: null, or outlives the node.
  static Result<std::unique_ptr<VideoNode>> create(pw_core* core, NodeSettings settings,
                                                   LateSync* sync, Callbacks callbacks);
  VideoNode(const VideoNode&) = delete;
  ~VideoNode();

  /// True between the end of a negotiation and the next one, while a consumer receives.
  [[nodiscard]] bool can_send() const { return streaming_ && !negotiating_; }

  /// Draws picture `number` and sends it. kBad: what was sent carries no number, because of the
  /// defect or because the buffer has no memory.
  Sent send(std::uint32_t number, Timestamp due, Defect defect);

  /// Announces another format, size or choice of modifiers, or the same again, which makes PipeWire
  /// renew the buffers.
  void announce(Fourcc format, Extent size, std::vector<Modifier> modifiers);
  void set_active(Activity activity);

  [[nodiscard]] const NodeSettings& settings() const { return settings_; }
  /// "MemFd", "DmaBuf LINEAR", …: what was negotiated last.
  [[nodiscard]] std::string describe_memory() const;

 private:
  VideoNode(NodeSettings settings, LateSync* sync, Callbacks callbacks);
  Result<void> connect(pw_core* core);
  void on_state(pw_stream_state state, const char* error);
  void on_format(const spa_pod* format);
  void adopt(const spa_pod& format);
  /// The modifier to announce for one that both ends know; nothing where none can be allocated.
  [[nodiscard]] std::optional<Modifier> fixate(const std::vector<Modifier>& offered) const;
  void on_add_buffer(pw_buffer* buffer);
  [[nodiscard]] Result<std::unique_ptr<SharedPicture>> make_picture(std::size_t bytes,
                                                                    Descriptors descriptor) const;
  void on_remove_buffer(pw_buffer* buffer);
  [[nodiscard]] bool delivers_dmabufs() const {
    return settings_.memory == Memory::kDmaBuf && modifier_.has_value();
  }
  void update_params(const Pods& pods);
  void prepare_picture();

  /// When a buffer comes, not at its first frame: touching new pages takes longer than a frame has.
  void draw_static_part(SharedPicture& picture);
  void draw(SharedPicture& picture, std::uint32_t number);
  void fill_with_garbage(SharedPicture& picture);
  void tell_damage(spa_buffer& buffer, std::uint32_t number) const;
  [[nodiscard]] bool is_cursor_only(std::uint32_t number) const {
    return settings_.cursor == CursorReport::kAlone && number >= kPicturesBeforeCursor;
  }
  void describe(spa_buffer& buffer, std::uint32_t number, Timestamp due, Defect defect);

  NodeSettings settings_;
  LateSync* sync_;
  Callbacks callbacks_;
  pw_stream* stream_ = nullptr;
  spa_hook listener_{};

  bool exists_ = false;
  bool streaming_ = false;
  bool negotiating_ = true;
  std::uint32_t buffers_added_ = 0;
  bool announced_again_ = false;
  std::uint32_t bad_strides_ = 0;

  // Of the format in effect.
  std::optional<Modifier> modifier_;  // nothing: the format was negotiated without one
  std::optional<PatternPainter> painter_;
  Pitch pitch_;
  std::vector<std::uint8_t> static_part_;
  std::vector<std::uint8_t> garbage_;
};

}  // namespace lumen::producer
