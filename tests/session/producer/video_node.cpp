#include "video_node.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>
#include <spa/param/format-utils.h>
#include <spa/pod/iter.h>

#include "capture/synthetic/barcode.h"
#include "pointer.h"
#include "ramp.h"

namespace lumen::producer {
namespace {

constexpr std::uint32_t kPitchAlignment = 16;  // bytes
constexpr std::size_t kGarbageBytes = 65'521;  // a prime, so that its repeats never line up

SharedPicture* picture_of(const pw_buffer* buffer) {
  return static_cast<SharedPicture*>(buffer->user_data);
}

}  // namespace

VideoNode::VideoNode(NodeSettings settings, LateSync* sync, Callbacks callbacks)
    : settings_(std::move(settings)),
      sync_(sync),
      callbacks_(std::move(callbacks)),
      garbage_(kGarbageBytes) {
  std::mt19937 random(1);
  std::ranges::generate(garbage_, [&] { return static_cast<std::uint8_t>(random() >> 24); });
  prepare_picture();
}

Result<std::unique_ptr<VideoNode>> VideoNode::create(pw_core* core, NodeSettings settings,
                                                     LateSync* sync, Callbacks callbacks) {
  std::unique_ptr<VideoNode> node(new VideoNode(std::move(settings), sync, std::move(callbacks)));
  if (auto connected = node->connect(core); !connected) {
    return tl::unexpected<Error>(std::move(connected.error()));
  }
  return node;
}

VideoNode::~VideoNode() {
  if (stream_ == nullptr) return;
  callbacks_ = {};
  pw_stream_destroy(stream_);  // removes the buffers first
}

Result<void> VideoNode::connect(pw_core* core) {
  static constexpr pw_stream_events kEvents = [] {
    pw_stream_events events{};
    events.version = PW_VERSION_STREAM_EVENTS;
    events.state_changed = [](void* self, pw_stream_state, pw_stream_state state,
                              const char* error) {
      static_cast<VideoNode*>(self)->on_state(state, error);
    };
    events.param_changed = [](void* self, std::uint32_t id, const spa_pod* param) {
      if (id == SPA_PARAM_Format) static_cast<VideoNode*>(self)->on_format(param);
    };
    events.add_buffer = [](void* self, pw_buffer* buffer) {
      static_cast<VideoNode*>(self)->on_add_buffer(buffer);
    };
    events.remove_buffer = [](void* self, pw_buffer* buffer) {
      static_cast<VideoNode*>(self)->on_remove_buffer(buffer);
    };
    return events;
  }();

  pw_properties* const properties = pw_properties_new(
      PW_KEY_NODE_NAME, settings_.name.c_str(), PW_KEY_NODE_DESCRIPTION, settings_.name.c_str(),
      PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_MEDIA_TYPE, "Video", nullptr);
  stream_ = pw_stream_new(core, settings_.name.c_str(), properties);
  if (stream_ == nullptr) return fail_errno(ErrorKind::kIo, "pw_stream_new", errno);
  pw_stream_add_listener(stream_, &listener_, &kEvents, this);

  Pods pods;
  pods.add_formats(settings_);
  std::vector<const spa_pod*> params = pods.pointers();
  const int flags =
      PW_STREAM_FLAG_DRIVER | (settings_.memory == Memory::kMemPtr ? PW_STREAM_FLAG_MAP_BUFFERS
                                                                   : PW_STREAM_FLAG_ALLOC_BUFFERS);
  const int result = pw_stream_connect(stream_, PW_DIRECTION_OUTPUT, PW_ID_ANY,
                                       static_cast<pw_stream_flags>(flags), params.data(),
                                       static_cast<std::uint32_t>(params.size()));
  if (result < 0) return fail_errno(ErrorKind::kIo, "pw_stream_connect", -result);
  return {};
}

void VideoNode::on_state(pw_stream_state state, const char* error) {
  const bool was_streaming = std::exchange(streaming_, state == PW_STREAM_STATE_STREAMING);
  if (state == PW_STREAM_STATE_PAUSED && !std::exchange(exists_, true) && callbacks_.exists) {
    callbacks_.exists(pw_stream_get_node_id(stream_));
  }
  if (state == PW_STREAM_STATE_ERROR && callbacks_.failed) {
    callbacks_.failed(error == nullptr ? "unknown" : error);
  }
  if (streaming_ && !was_streaming && callbacks_.streaming) callbacks_.streaming();
  if (!streaming_ && was_streaming && callbacks_.paused) callbacks_.paused();
}

void VideoNode::on_format(const spa_pod* format) {
  negotiating_ = true;
  if (format == nullptr) return;
  adopt(*format);
  Pods pods;
  const spa_pod_prop* const modifier =
      spa_pod_find_prop(format, nullptr, SPA_FORMAT_VIDEO_modifier);
  if (modifier != nullptr && (modifier->flags & SPA_POD_PROP_FLAG_DONT_FIXATE) != 0) {
    pods.add_formats(settings_, fixate(offered_modifiers(*modifier)));
    update_params(pods);
    return;  // the fixed format comes next
  }
  negotiating_ = false;
  modifier_.reset();
  if (modifier != nullptr) {
    const std::vector<Modifier> fixed = offered_modifiers(*modifier);
    modifier_ = fixed.empty() ? kModifierInvalid : fixed.front();
  }
  // Types of memory that the consumer must be able to take; a modifier says "dmabuf" to it even
  // where this producer is going to deliver something else.
  std::uint32_t types = settings_.memory == Memory::kMemPtr ? 1U << SPA_DATA_MemPtr
                        : delivers_dmabufs()                ? 0
                                                            : 1U << SPA_DATA_MemFd;
  if (modifier_) types |= 1U << SPA_DATA_DmaBuf;
  const auto bytes =
      static_cast<std::uint32_t>(picture_bytes(settings_.format, settings_.size.height, pitch_));
  if (sync_ != nullptr && delivers_dmabufs()) pods.add_buffers_with_sync(settings_, bytes, pitch_);
  pods.add_buffers(settings_, bytes, pitch_, types);
  update_params(pods);
}

// One of those that were offered is the one to draw from now on.
void VideoNode::adopt(const spa_pod& format) {
  const spa_pod_prop* const property = spa_pod_find_prop(&format, nullptr, SPA_FORMAT_VIDEO_format);
  if (property == nullptr) return;
  // A choice without alternatives, where PipeWire has filtered it.
  std::uint32_t count = 0;
  std::uint32_t kind = SPA_CHOICE_None;
  const spa_pod* const value = spa_pod_get_values(&property->value, &count, &kind);
  std::uint32_t id = 0;
  if (count == 0 || spa_pod_get_id(value, &id) < 0) return;
  const auto taken = std::ranges::find(settings_.others, from_spa(id));
  if (taken == settings_.others.end()) return;
  std::swap(*taken, settings_.format);
  prepare_picture();
}

std::optional<Modifier> VideoNode::fixate(const std::vector<Modifier>& offered) const {
  if (settings_.modifier_trick == ModifierTrick::kForeign) return kModifierForeign;
  for (const Modifier modifier : settings_.modifiers) {
    if (std::ranges::find(offered, modifier) == offered.end()) continue;
    if (settings_.memory != Memory::kDmaBuf || test::TestDmaBuf::allocate(1)) return modifier;
  }
  return std::nullopt;
}

std::string VideoNode::describe_memory() const {
  const std::string modifier = modifier_ ? " " + to_string(*modifier_) : "";
  if (settings_.memory == Memory::kMemPtr) return "MemPtr" + modifier;
  return (delivers_dmabufs() ? "DmaBuf" : "MemFd") + modifier;
}

Result<std::unique_ptr<SharedPicture>> VideoNode::make_picture(std::size_t bytes,
                                                               Descriptors descriptor) const {
  if (!delivers_dmabufs() || descriptor == Descriptors::kSomeFake) {
    return SharedPicture::allocate(bytes);
  }
  return SharedPicture::allocate_dmabuf(descriptor == Descriptors::kSomeSmall ? 1 : bytes);
}

void VideoNode::on_add_buffer(pw_buffer* buffer) {
  spa_data& data = buffer->buffer->datas[0];
  const std::size_t bytes = picture_bytes(settings_.format, settings_.size.height, pitch_);
  const Descriptors descriptor =
      buffers_added_++ % 2 == 1 ? settings_.descriptors : Descriptors::kAll;
  if (settings_.memory == Memory::kMemPtr) {
    auto picture = SharedPicture::borrow(data.maxsize < bytes ? nullptr : data.data, bytes);
    if (picture->data() != nullptr) draw_static_part(*picture);
    buffer->user_data = picture.release();
    return;
  }
  data.type = delivers_dmabufs() ? SPA_DATA_DmaBuf : SPA_DATA_MemFd;
  data.flags = SPA_DATA_FLAG_READWRITE;
  data.fd = -1;
  data.mapoffset = 0;
  data.maxsize = static_cast<std::uint32_t>(bytes);
  data.data = nullptr;
  if (descriptor == Descriptors::kSomeMissing) return;
  if (settings_.descriptors == Descriptors::kAllMissing) return;
  if (settings_.descriptors == Descriptors::kFirstMissing && !announced_again_) {
    if (buffers_added_ == 1 && callbacks_.bad_set) callbacks_.bad_set();
    return;
  }
  auto picture = make_picture(bytes, descriptor);
  if (!picture) {
    pw_stream_set_error(stream_, -ENOMEM, "%s", picture.error().describe().c_str());
    return;
  }
  if ((*picture)->bytes() >= bytes) draw_static_part(**picture);
  data.fd = (*picture)->fd();
  data.data = (*picture)->data();
  buffer->user_data = picture->release();
  if (sync_ == nullptr) return;
  if (auto attached = sync_->attach(buffer); !attached) {
    pw_stream_set_error(stream_, -ENODEV, "%s", attached.error().describe().c_str());
  }
}

void VideoNode::on_remove_buffer(pw_buffer* buffer) {
  if (sync_ != nullptr) sync_->detach(buffer);
  const std::unique_ptr<SharedPicture> picture(picture_of(buffer));
  buffer->user_data = nullptr;
}

void VideoNode::update_params(const Pods& pods) {
  std::vector<const spa_pod*> params = pods.pointers();
  pw_stream_update_params(stream_, params.data(), static_cast<std::uint32_t>(params.size()));
}

void VideoNode::prepare_picture() {
  const std::uint32_t bytes = row_bytes(settings_.format, settings_.size.width);
  pitch_ = {(bytes + kPitchAlignment - 1) / kPitchAlignment * kPitchAlignment};
  painter_.emplace(settings_.format, settings_.size);
  static_part_.resize(picture_bytes(settings_.format, settings_.size.height, pitch_));
  const PixelsView view =
      view_pixels(static_part_.data(), settings_.format, settings_.size, pitch_);
  painter_->draw_static(view);
  if (bit_depth(settings_.format) == 10) draw_ramp(view);
}

void VideoNode::announce(Fourcc format, Extent size, std::vector<Modifier> modifiers) {
  settings_.format = format;
  settings_.others.clear();
  settings_.size = size;
  settings_.modifiers = std::move(modifiers);
  negotiating_ = true;
  announced_again_ = true;
  prepare_picture();
  Pods pods;
  pods.add_formats(settings_);
  update_params(pods);
}

void VideoNode::set_active(Activity activity) {
  pw_stream_set_active(stream_, activity == Activity::kActive);
}

VideoNode::Sent VideoNode::send(std::uint32_t number, Timestamp due, Defect defect) {
  Sent sent = Sent::kNoBuffer;
  if (pw_buffer* const buffer = pw_stream_dequeue_buffer(stream_)) {
    SharedPicture* const picture = picture_of(buffer);
    const bool has_memory = picture != nullptr && picture->bytes() >= static_part_.size();
    const bool late = sync_ != nullptr && sync_->governs(buffer);
    if (late) sync_->reuse(buffer);
    const bool good = has_memory && defect == Defect::kNone;
    if (is_cursor_only(number)) {
      // The pixels are those of some earlier picture, as a compositor leaves them.
    } else if (good && !late) {
      draw(*picture, number);
    } else if (has_memory) {
      fill_with_garbage(*picture);
    }
    describe(*buffer->buffer, number, due, defect);
    if (late) {
      sync_->send(buffer, [this, picture, number, good] {
        if (good) draw(*picture, number);
      });
    }
    pw_stream_queue_buffer(stream_, buffer);
    sent = good ? Sent::kGood : Sent::kBad;
  }
  // Also with nothing to send: the buffers that the consumer gave back arrive with this cycle.
  pw_stream_trigger_process(stream_);
  return sent;
}

void VideoNode::draw_static_part(SharedPicture& picture) {
  const SharedPicture::WriteScope scope(picture);
  std::memcpy(picture.data(), static_part_.data(), static_part_.size());
  picture.has_static_part = true;
}

void VideoNode::draw(SharedPicture& picture, std::uint32_t number) {
  if (!picture.has_static_part) draw_static_part(picture);
  const SharedPicture::WriteScope scope(picture);
  painter_->draw_moving(number,
                        view_pixels(picture.data(), settings_.format, settings_.size, pitch_));
}

void VideoNode::fill_with_garbage(SharedPicture& picture) {
  picture.has_static_part = false;
  const SharedPicture::WriteScope scope(picture);
  for (std::size_t at = 0; at < picture.bytes(); at += garbage_.size()) {
    std::memcpy(picture.data() + at, garbage_.data(),
                std::min(garbage_.size(), picture.bytes() - at));
  }
}

void VideoNode::tell_damage(spa_buffer& buffer, std::uint32_t number) const {
  const spa_meta* const meta = spa_buffer_find_meta(&buffer, SPA_META_VideoDamage);
  if (meta == nullptr) return;
  if (is_cursor_only(number)) {
    *static_cast<spa_meta_region*>(meta->data) = {};
    return;
  }
  std::vector<Rect> changed{barcode::strip(settings_.size)};
  if (settings_.damage == DamageReport::kTold) changed.push_back(stage_rect(settings_.size));
  auto* const regions = static_cast<spa_meta_region*>(meta->data);
  const std::size_t room = meta->size / sizeof(spa_meta_region);
  for (std::size_t i = 0; i < room; ++i) {
    regions[i] = {};  // an empty one ends the list
    if (i == changed.size()) break;
    const Rect& rect = changed[i];
    regions[i].region = {{static_cast<std::int32_t>(rect.x), static_cast<std::int32_t>(rect.y)},
                         {rect.size.width, rect.size.height}};
  }
}

void VideoNode::describe(spa_buffer& buffer, std::uint32_t number, Timestamp due, Defect defect) {
  spa_data& data = buffer.datas[0];
  spa_chunk& chunk = *data.chunk;
  chunk.offset = 0;
  chunk.size = static_cast<std::uint32_t>(static_part_.size());
  chunk.stride = static_cast<std::int32_t>(pitch_.bytes);
  chunk.flags = defect == Defect::kCorruptedChunk ? SPA_CHUNK_FLAG_CORRUPTED : SPA_CHUNK_FLAG_NONE;
  if (defect == Defect::kZeroSize) chunk.size = 0;
  if (defect == Defect::kShortChunk) chunk.size /= 2;
  if (defect == Defect::kBadOffset) chunk.offset = data.maxsize + data.maxsize / 2;
  if (defect == Defect::kBadStride) {
    const std::array<std::int32_t, 3> strides{0, std::numeric_limits<std::int32_t>::max(),
                                              -chunk.stride};
    chunk.stride = strides[bad_strides_++ % strides.size()];
  }

  if (is_cursor_only(number)) {
    if (number % 2 == 0) {
      chunk.size = 0;
    } else {
      chunk.flags = SPA_CHUNK_FLAG_CORRUPTED;
    }
  }
  tell_damage(buffer, number);
  tell_pointer(buffer, number, settings_.size);
  auto* const header = static_cast<spa_meta_header*>(
      spa_buffer_find_meta_data(&buffer, SPA_META_Header, sizeof(spa_meta_header)));
  if (header == nullptr) return;
  *header = {};
  header->flags = defect == Defect::kCorruptedHeader ? SPA_META_HEADER_FLAG_CORRUPTED : 0;
  header->pts = settings_.pts == Pts::kMinusOne ? -1 : due.time_since_epoch().count();
  header->seq = number;
}

}  // namespace lumen::producer
