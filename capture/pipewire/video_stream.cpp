#include "capture/pipewire/video_stream.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <spa/param/param.h>

#include "capture/pipewire/buffer_pods.h"
#include "capture/pipewire/data_loop.h"
#include "core/log.h"

namespace lumen::pipewire {
namespace {

using namespace std::chrono_literals;

// A header's pts is taken for a monotonic time only within this distance of now; producers were
// seen to send -1 and times of other clocks.
constexpr auto kPlausiblePts = 10s;

Timestamp producer_time(std::int64_t pts, Timestamp dequeued) {
  if (pts <= 0) return dequeued;
  const Timestamp time{Nanoseconds{pts}};
  const auto distance = dequeued - time;
  return distance > kPlausiblePts || distance < -kPlausiblePts ? dequeued : time;
}

// Asked for only now that a format is set: KWin on NVIDIA must not be told earlier.
BufferMemory memory_to_ask_for(const VideoFormat& format, const SyncDevice* sync) {
  if (!format.modifier) return BufferMemory::kHost;
  return sync == nullptr ? BufferMemory::kDmaBuf : BufferMemory::kDmaBufWithSync;
}

EmptyChunk empty_chunk_rule(const NodeInfo& node) {
  return node.name == "gamescope" ? EmptyChunk::kIsPicture : EmptyChunk::kNoPicture;
}

}  // namespace

const pw_stream_events VideoStream::kEvents = {
    .version = PW_VERSION_STREAM_EVENTS,
    .state_changed =
        [](void* data, pw_stream_state, pw_stream_state state, const char* error) {
          static_cast<VideoStream*>(data)->on_state(state, error);
        },
    .param_changed =
        [](void* data, std::uint32_t id, const spa_pod* pod) {
          if (id == SPA_PARAM_Format) static_cast<VideoStream*>(data)->on_format(pod);
        },
    .add_buffer = [](void* data,
                     pw_buffer* buffer) { static_cast<VideoStream*>(data)->on_add_buffer(buffer); },
    .remove_buffer =
        [](void* data, pw_buffer* buffer) {
          static_cast<VideoStream*>(data)->buffers_->remove(buffer);
        },
    .process = [](void* data) { static_cast<VideoStream*>(data)->on_process(); },
};

VideoStream::VideoStream(ThreadLoop& loop, Target target, CaptureListener& listener,
                         StreamCounters& counters, Callbacks callbacks)
    : loop_(loop),
      target_(std::move(target)),
      listener_(listener),
      counters_(counters),
      callbacks_(std::move(callbacks)) {}

Result<std::unique_ptr<VideoStream>> VideoStream::create(ThreadLoop& loop, pw_core* core,
                                                         Target target, CaptureListener& listener,
                                                         StreamCounters& counters,
                                                         Callbacks callbacks) {
  std::unique_ptr<VideoStream> self(
      new VideoStream(loop, std::move(target), listener, counters, std::move(callbacks)));
  const std::string serial = std::to_string(self->target_.node.serial);
  // target.object takes a serial or a name, not an id. If the target vanishes, we want to hear of
  // it rather than be linked to somebody's camera.
  pw_properties* props = pw_properties_new(
      PW_KEY_MEDIA_TYPE, "Video", PW_KEY_MEDIA_CATEGORY, "Capture", PW_KEY_MEDIA_ROLE, "Screen",
      PW_KEY_NODE_NAME, "lumen", PW_KEY_APP_NAME, "lumen", PW_KEY_TARGET_OBJECT, serial.c_str(),
      PW_KEY_NODE_DONT_RECONNECT, "true", nullptr);
  self->stream_ = pw_stream_new(core, "lumen", props);
  if (self->stream_ == nullptr) {
    return fail_errno(ErrorKind::kDeviceLost, "a PipeWire stream can't be made", errno);
  }
  pw_stream_add_listener(self->stream_, &self->hook_, &kEvents, self.get());
  self->problem_event_ = pw_loop_add_event(
      loop.loop(),
      [](void* data, std::uint64_t) { static_cast<VideoStream*>(data)->report_problem(); },
      self.get());

  FormatPods pods(self->target_.request, self->target_.max_framerate, self->target_.wishes);
  // RT_PROCESS: process() runs on the data thread, without a hop (and, since PipeWire 1.2, a cycle)
  // through the main loop. No MAP_BUFFERS: the mappings must outlive the buffers' removal.
  unsigned flags =
      PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_RT_PROCESS | PW_STREAM_FLAG_DONT_RECONNECT;
  if (self->target_.flow == StreamFlow::kPaused) flags |= PW_STREAM_FLAG_INACTIVE;
  const int result = pw_stream_connect(self->stream_, PW_DIRECTION_INPUT, PW_ID_ANY,
                                       static_cast<pw_stream_flags>(flags), pods.pods().data(),
                                       static_cast<std::uint32_t>(pods.pods().size()));
  if (result < 0) {
    return fail_errno(ErrorKind::kDeviceLost, "the PipeWire stream can't be connected", -result);
  }
  // Nothing can be delivered before this thread lets go of the loop's lock, so this is early
  // enough for the data loop.
  self->buffers_->attach(
      [stream = self->stream_](pw_buffer* buffer) { pw_stream_queue_buffer(stream, buffer); },
      data_loop_of(loop, self->stream_));
  return self;
}

VideoStream::~VideoStream() {
  if (stream_ == nullptr) return;
  // Order: cut the leases' way back while the data loop surely runs, then let the stream go. A
  // frame that still comes in between is delivered like any other; its lease finds no way back.
  buffers_->detach();
  pw_stream_destroy(stream_);
  if (problem_event_ != nullptr) pw_loop_destroy_source(loop_.loop(), problem_event_);
}

Result<void> VideoStream::renegotiate(std::vector<FormatOffer> offers) {
  target_.request.offers = std::move(offers);
  FormatPods pods(target_.request, target_.max_framerate, target_.wishes);
  const int result = pw_stream_update_params(stream_, pods.pods().data(),
                                             static_cast<std::uint32_t>(pods.pods().size()));
  if (result < 0) {
    return fail_errno(ErrorKind::kFormatRejected, "PipeWire refused the new format list", -result);
  }
  return {};
}

void VideoStream::set_flow(StreamFlow flow) {
  target_.flow = flow;
  pw_stream_set_active(stream_, flow == StreamFlow::kActive);
}

void VideoStream::on_state(pw_stream_state state, const char* error) {
  switch (state) {
    case PW_STREAM_STATE_ERROR: callbacks_.failed(error == nullptr ? "stream error" : error); break;
    case PW_STREAM_STATE_UNCONNECTED: break;  // only by our own disconnect
    case PW_STREAM_STATE_CONNECTING: callbacks_.state(CaptureState::kConnecting); break;
    case PW_STREAM_STATE_PAUSED: callbacks_.state(CaptureState::kPaused); break;
    case PW_STREAM_STATE_STREAMING:
      if (all_buffers_refused()) {
        callbacks_.unusable();
      } else {
        callbacks_.state(CaptureState::kStreaming);
      }
      break;
  }
}

void VideoStream::on_format(const spa_pod* pod) {
  if (pod == nullptr) {
    const std::scoped_lock lock(format_mutex_);
    format_.reset();
    return;
  }
  auto parsed = parse_format(pod);
  if (!parsed) {
    if (parsed.error().kind == ErrorKind::kRetry) return;
    {
      const std::scoped_lock lock(format_mutex_);
      format_.reset();
    }
    callbacks_.failed(parsed.error().message);
    return;
  }
  {
    const std::scoped_lock lock(format_mutex_);
    format_ = *parsed;
    damage_ = Damage();
    crop_ = {};
  }
  announce_format_ = true;
  usable_buffers_ = 0;
  refused_buffers_ = 0;
  problem_ = nullptr;

  BufferPods pods(memory_to_ask_for(*parsed, target_.sync.get()), target_.request.cursor);
  pw_stream_update_params(stream_, pods.pods().data(),
                          static_cast<std::uint32_t>(pods.pods().size()));
}

void VideoStream::on_add_buffer(pw_buffer* buffer) {
  auto memory = buffers_->add(buffer);
  if (!memory) {
    ++refused_buffers_;
    log::area("capture").debug("{} has a buffer that can't be used: {}", to_string(target_.node),
                               memory.error().describe());
    if (buffers_->sync_failed()) callbacks_.sync_failed(memory.error().describe());
    // Seen to when the whole set is there: a producer that has none that works sends no picture.
    pw_loop_signal_event(loop_.loop(), problem_event_);
    return;
  }
  ++usable_buffers_;
  if (!announce_format_) return;
  announce_format_ = false;
  // Only this thread writes format_, so it may read it without the lock.
  if (!format_) return;
  std::string layout = format_->modifier ? " " + to_string(*format_->modifier) : "";
  if (static_cast<const BufferTable::Entry*>(buffer->user_data)->release) {
    layout += " with explicit sync";
  }
  callbacks_.format(
      {.format = format_->format,
       .size = format_->size,
       .rate = format_->rate,
       .max_rate = format_->max_rate,
       .memory = *memory + layout,
       .color = format_->color,
       .cursor_beside = spa_buffer_find_meta(buffer->buffer, SPA_META_Cursor) != nullptr});
}

BufferLayout VideoStream::inspect(pw_buffer* buffer) {
  const auto* entry = static_cast<BufferTable::Entry*>(buffer->user_data);
  if (entry == nullptr || (!entry->host && !entry->dmabuf)) {
    BufferLayout unusable;
    unusable.reason = "its memory can't be used";
    return unusable;
  }
  if (!format_) {
    BufferLayout early;
    early.reason = "it came without a negotiated format";
    return early;
  }
  return read_layout(*buffer->buffer, *format_, entry->bounds, empty_chunk_rule(target_.node));
}

// Takes everything that waits, keeps the newest picture and queues the rest at once.
pw_buffer* VideoStream::dequeue_newest(BufferLayout& layout) {
  pw_buffer* newest = nullptr;
  while (pw_buffer* buffer = pw_stream_dequeue_buffer(stream_)) {
    BufferTable::dequeued(buffer);
    heed_cursor(*buffer->buffer);
    const BufferLayout found = inspect(buffer);
    damage_.add(found.damage);
    switch (found.verdict) {
      case BufferLayout::Verdict::kPicture:
        if (newest != nullptr) {
          counters_.superseded.fetch_add(1);
          buffers_->skip(newest);
        }
        newest = buffer;
        layout = found;
        continue;
      case BufferLayout::Verdict::kCorrupted: counters_.corrupted.fetch_add(1); break;
      case BufferLayout::Verdict::kEmpty: counters_.empty.fetch_add(1); break;
      case BufferLayout::Verdict::kInvalid:
        counters_.invalid.fetch_add(1);
        complain(found.reason);
        break;
    }
    buffers_->skip(buffer);
  }
  return newest;
}

// Every buffer tells it, also those that are skipped.
void VideoStream::heed_cursor(const spa_buffer& buffer) {
  switch (cursor_.update(buffer)) {
    case CursorTracker::News::kChanged: cursor_changed_ = true; break;
    case CursorTracker::News::kInvalid: complain(cursor_.reason()); break;
    case CursorTracker::News::kNone: break;
  }
}

void VideoStream::complain(const char* problem) {
  if (problem_.exchange(problem) != problem) {
    pw_loop_signal_event(loop_.loop(), problem_event_);
  }
}

CapturedFrame VideoStream::make_frame(const BufferLayout& layout) {
  CapturedFrame frame;
  const Timestamp dequeued = now();
  frame.times.id = counters_.frame_id.fetch_add(1) + 1;
  frame.times.mark(Stage::kProduced, producer_time(layout.pts, dequeued));
  frame.times.mark(Stage::kDequeued, dequeued);
  frame.format = format_->format;
  frame.size = format_->size;
  frame.crop = crop_;
  frame.color = format_->color;
  frame.cursor = cursor_.cursor();
  cursor_changed_ = false;
  return frame;
}

void VideoStream::on_process() {
  {
    const std::scoped_lock lock(format_mutex_);
    BufferLayout layout;
    if (pw_buffer* buffer = dequeue_newest(layout)) {
      buffers_->visit(buffer, [&](BufferTable::Entry* entry) {
        crop_ = layout.crop;
        CapturedFrame frame = make_frame(layout);
        frame.damage = std::exchange(damage_, Damage::nothing());
        if (entry->dmabuf) {
          frame.image = DmaBufImage{entry->dmabuf, format_->modifier.value_or(kModifierInvalid),
                                    layout.plane_count, layout.planes};
        } else {
          frame.image = ShmImage{entry->host, layout.planes};
        }
        if (entry->points) frame.acquire = {entry->acquire, entry->points->acquire};
        frame.lease = buffers_->lease(*entry);
        counters_.received.fetch_add(1);
        listener_.on_frame(std::move(frame));
      });
    } else if (cursor_changed_ && format_ && !crop_.size.empty()) {
      CapturedFrame frame = make_frame(layout);
      frame.image = SamePicture{};
      frame.damage = Damage::nothing();
      listener_.on_frame(std::move(frame));
    }
  }
  buffers_->queue_returned();
}

void VideoStream::report_problem() {
  const char* const problem = problem_.load();
  if (problem != nullptr && reported_.insert(problem).second) {
    log::area("capture").warn("{} sends what is skipped: {}", to_string(target_.node), problem);
  }
  if (all_buffers_refused()) callbacks_.unusable();
}

// PipeWire 0.3.65 hands out a whole set of buffers of an internal type (MemId) now and then where
// both ends negotiate at once. Nothing will ever come of such a set; a new stream gets a new one.
bool VideoStream::all_buffers_refused() const {
  return format_ && usable_buffers_ == 0 && refused_buffers_ > 0;
}

}  // namespace lumen::pipewire
