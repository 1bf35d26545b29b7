#include "late_sync.h"

#include <utility>

#include <spa/buffer/meta.h>
#include <sys/mman.h>

#include "capture/pipewire/explicit_sync.h"

namespace lumen::producer {
namespace {

constexpr Nanoseconds kLastPatience = std::chrono::seconds(1);

}  // namespace

LateSync::LateSync(pw_loop* loop, const NodeSettings& settings, std::shared_ptr<SyncDevice> device)
    : delay_(settings.explicit_sync.value_or(Nanoseconds(0))),
      submission_(settings.submission),
      syncobjs_(settings.syncobjs),
      device_(std::move(device)),
      timer_(loop, [this] { draw_due(); }) {}

Result<std::unique_ptr<LateSync>> LateSync::create(pw_loop* loop, const NodeSettings& settings) {
  if (!pipewire::knows_explicit_sync()) {
    return fail(ErrorKind::kUnsupported, "built against a PipeWire without explicit sync");
  }
  auto device = open_sync_device();
  if (!device) return tl::unexpected<Error>(std::move(device.error()));
  if (settings.submission == Submission::kAtOnce) {
    auto fence = test::PendingFence::create();
    if (!fence) return tl::unexpected<Error>(std::move(fence.error()));
  }
  return std::unique_ptr<LateSync>(new LateSync(loop, settings, std::move(*device)));
}

Result<void> LateSync::attach(pw_buffer* buffer) {
#if PW_CHECK_VERSION(1, 2, 0)
  spa_buffer& content = *buffer->buffer;
  if (content.n_datas != 3 || !pipewire::sync_points(content)) return {};
  auto acquire = device_->create_timeline();
  if (!acquire) return tl::unexpected<Error>(std::move(acquire.error()));
  auto release = device_->create_timeline();
  if (!release) return tl::unexpected<Error>(std::move(release.error()));
  Buffer& entry = buffers_[buffer];
  entry.acquire = std::move(*acquire);
  entry.release = std::move(*release);
  content.datas[1].fd = entry.acquire.syncobj.borrow();
  content.datas[2].fd = entry.release.syncobj.borrow();
  if (syncobjs_ == Syncobjs::kFake) {
    entry.fake = UniqueFd::take(::memfd_create("lumen-test-fake-syncobj", MFD_CLOEXEC));
    content.datas[1].fd = content.datas[2].fd = entry.fake.borrow();
  }
  for (spa_data* const data : {&content.datas[1], &content.datas[2]}) {
    data->type = SPA_DATA_SyncObj;
    data->flags = SPA_DATA_FLAG_READWRITE;
    data->mapoffset = 0;
    data->maxsize = 0;
    data->data = nullptr;
  }
#else
  static_cast<void>(buffer);
#endif
  return {};
}

void LateSync::detach(pw_buffer* buffer) {
  const auto found = buffers_.find(buffer);
  if (found == buffers_.end()) return;
  if (found->second.out) orphans_.push_back({found->second.release.timeline, found->second.point});
  // Whoever waits for what will not be drawn is not kept waiting.
  std::erase_if(drawings_, [&](Drawing& drawing) {
    if (drawing.buffer != buffer) return false;
    drawing.signal();
    return true;
  });
  buffers_.erase(found);
}

void LateSync::reuse(pw_buffer* buffer) {
  Buffer& entry = buffers_.at(buffer);
  if (!std::exchange(entry.out, false)) return;
  if (entry.release.timeline->wait(entry.point, now())) {
    ++totals_.released;
  } else {
    ++totals_.early;
  }
}

void LateSync::send(pw_buffer* buffer, std::function<void()> draw) {
#if PW_CHECK_VERSION(1, 2, 0)
  Buffer& entry = buffers_.at(buffer);
  auto* const meta = static_cast<spa_meta_sync_timeline*>(spa_buffer_find_meta_data(
      buffer->buffer, SPA_META_SyncTimeline, sizeof(spa_meta_sync_timeline)));
  ++entry.point;
  entry.out = true;
  *meta = {};
  meta->acquire_point = entry.point;
  meta->release_point = entry.point;
  ++totals_.sent;
  Drawing drawing{
      buffer, std::move(draw), {entry.acquire.timeline, entry.point}, {}, now() + delay_};
  if (submission_ == Submission::kAtOnce) {
    auto fence = test::PendingFence::create();
    if (fence && test::submit_point(entry.acquire.syncobj.borrow(), entry.point, *fence)) {
      drawing.fence.emplace(std::move(*fence));
      ++totals_.pending;
    }
  }
  drawings_.push_back(std::move(drawing));
  timer_.arm(drawings_.front().due);
#else
  static_cast<void>(buffer);
  draw();
#endif
}

// A point with a fence is signalled by that; a second time would put another one on top.
void LateSync::Drawing::signal() {
  static_cast<void>(fence ? fence->signal() : acquire.timeline->signal(acquire.point));
}

void LateSync::draw_due() {
  while (!drawings_.empty() && drawings_.front().due <= now()) {
    Drawing drawing = std::move(drawings_.front());
    drawings_.pop_front();
    drawing.draw();
    drawing.signal();
  }
  if (!drawings_.empty()) timer_.arm(drawings_.front().due);
}

LateSync::Totals LateSync::finish() {
  while (!buffers_.empty()) detach(buffers_.begin()->first);
  const Timestamp end = now() + kLastPatience;
  for (const Point& release : std::exchange(orphans_, {})) {
    if (release.timeline->wait(release.point, end)) ++totals_.released;
  }
  return totals_;
}

}  // namespace lumen::producer
