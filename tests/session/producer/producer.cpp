#include "producer.h"

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <spa/utils/dict.h>

namespace lumen::producer {
namespace {

constexpr Nanoseconds kBadTime = std::chrono::milliseconds(300);
constexpr Nanoseconds kFlapTime = std::chrono::seconds(1);

// PipeWire starts the two ends of a link one after the other, and a buffer that is sent before the
// consumer has started is lost. Tests count frames, so the first one waits.
constexpr Nanoseconds kSettleTime = std::chrono::milliseconds(100);

void print_line(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace

Producer::Producer(pw_main_loop* loop, pw_core* core, Options options)
    : loop_(loop),
      core_(core),
      options_(std::move(options)),
      frame_timer_(pw_main_loop_get_loop(loop), [this] { tick(); }),
      resume_timer_(pw_main_loop_get_loop(loop), [this] { resume(); }),
      renewal_timer_(pw_main_loop_get_loop(loop),
                     [this] { perform({.kind = Action::Kind::kRecycle, .size = {}}); }),
      end_timer_(pw_main_loop_get_loop(loop), [this] { stop(); }) {
  static constexpr pw_core_events kCoreEvents = [] {
    pw_core_events events{};
    events.version = PW_VERSION_CORE_EVENTS;
    events.error = [](void* self, std::uint32_t id, int, int result, const char*) {
      if (id == PW_ID_CORE && result == -EPIPE) static_cast<Producer*>(self)->on_disconnect();
    };
    return events;
  }();
  static constexpr pw_registry_events kRegistryEvents = [] {
    pw_registry_events events{};
    events.version = PW_VERSION_REGISTRY_EVENTS;
    events.global = [](void* self, std::uint32_t id, std::uint32_t, const char* type, std::uint32_t,
                       const spa_dict* properties) {
      if (std::string_view(type) != PW_TYPE_INTERFACE_Node || properties == nullptr) return;
      const char* const serial = spa_dict_lookup(properties, PW_KEY_OBJECT_SERIAL);
      static_cast<Producer*>(self)->on_global(id, serial == nullptr ? "0" : serial);
    };
    return events;
  }();
  // The function behind the pw_*_add_listener() macros, whose C casts don't pass our warnings.
  pw_proxy_add_object_listener(reinterpret_cast<pw_proxy*>(core_), &core_listener_, &kCoreEvents,
                               this);
  registry_ = pw_core_get_registry(core_, PW_VERSION_REGISTRY, 0);
  if (registry_ != nullptr) {
    pw_proxy_add_object_listener(reinterpret_cast<pw_proxy*>(registry_), &registry_listener_,
                                 &kRegistryEvents, this);
  }
}

Producer::~Producer() {
  node_.reset();
  if (registry_ != nullptr) {
    spa_hook_remove(&registry_listener_);
    pw_proxy_destroy(reinterpret_cast<pw_proxy*>(registry_));
  }
  spa_hook_remove(&core_listener_);
}

Result<Producer::End> Producer::run() {
  if (options_.node.explicit_sync) {
    auto sync = LateSync::create(pw_main_loop_get_loop(loop_), options_.node);
    if (!sync) return tl::unexpected<Error>(std::move(sync.error()));
    sync_ = *std::move(sync);
  }
  if (auto created = create_node(); !created) {
    return tl::unexpected<Error>(std::move(created.error()));
  }
  pw_main_loop_run(loop_);
  return end_;
}

void Producer::stop() { pw_main_loop_quit(loop_); }

void Producer::print_totals() {
  print_line(fmt::format("produced {} skipped {} bad {}", produced_, skipped_, bad_));
  if (sync_ == nullptr) return;
  const LateSync::Totals totals = sync_->finish();
  print_line(fmt::format("explicit-sync sent {} released {} early {} pending {}", totals.sent,
                         totals.released, totals.early, totals.pending));
}

Result<void> Producer::create_node() {
  auto node =
      VideoNode::create(core_, options_.node, sync_.get(),
                        {.exists = [this](std::uint32_t id) { on_exists(id); },
                         .streaming =
                             [this] {
                               settled_ = false;
                               begin_epoch(now());
                             },
                         .paused =
                             [this] {
                               frame_timer_.disarm();
                               print_line("paused");
                             },
                         .bad_set = [this] { renewal_timer_.arm(now() + kBadTime); },
                         .failed = [](const std::string& why) { print_line("error " + why); }});
  if (!node) return tl::unexpected<Error>(std::move(node.error()));
  node_ = *std::move(node);
  return {};
}

void Producer::on_exists(std::uint32_t node_id) {
  unannounced_node_ = node_id;
  print_ready();
}

void Producer::on_global(std::uint32_t id, const char* serial) {
  serials_[id] = serial;
  print_ready();
}

void Producer::on_disconnect() {
  end_ = End::kDisconnected;
  stop();
}

void Producer::print_ready() {
  if (!unannounced_node_) return;
  const auto serial = serials_.find(*unannounced_node_);
  if (serial == serials_.end()) return;
  print_line(fmt::format("ready node-id={} serial={}", serial->first, serial->second));
  unannounced_node_.reset();
}

void Producer::begin_epoch(Timestamp start) {
  epoch_ = start;
  slot_ = 0;
  stream_printed_ = false;
  arm();
}

void Producer::arm() { frame_timer_.arm(due_time(slot_)); }

Timestamp Producer::due_time(std::uint64_t slot) const {
  return epoch_ + frame_offset(options_.node.rate, slot);
}

Nanoseconds Producer::interval() const { return frame_offset(options_.node.rate, 1); }

std::uint64_t Producer::skip_slots_before(Timestamp earliest) {
  const std::uint64_t first = slot_;
  while (due_time(slot_) < earliest) ++slot_;
  return slot_ - first;
}

void Producer::tick() {
  if (!node_) return;
  if (options_.frames != 0 && produced_ >= options_.frames) return;
  const std::uint64_t missed = skip_slots_before(now() - interval());
  const Timestamp due = due_time(slot_);
  ++slot_;
  if (!node_->can_send()) {
    settled_ = false;
    arm();
    return;
  }
  if (!std::exchange(settled_, true)) {
    begin_epoch(now() + kSettleTime);
    return;
  }
  skipped_ += missed;
  if (!std::exchange(stream_printed_, true)) {
    const NodeSettings& settings = node_->settings();
    print_line(fmt::format("streaming {}x{} {} {}", settings.size.width, settings.size.height,
                           to_string(settings.format), node_->describe_memory()));
  }
  if (const std::optional<Action> action = take_action()) {
    perform(*action);
    return;
  }
  const Defect defect = options_.personality.defect_of(produced_ + bad_);
  switch (node_->send(static_cast<std::uint32_t>(produced_), due, defect)) {
    case VideoNode::Sent::kGood:
      if (options_.tell_every != 0 && produced_ % options_.tell_every == 0) {
        print_line(fmt::format("frame {} at {}", produced_, due.time_since_epoch().count()));
      }
      ++produced_;
      break;
    case VideoNode::Sent::kBad: ++bad_; break;
    case VideoNode::Sent::kNoBuffer: ++skipped_; break;
  }
  if (options_.frames != 0 && produced_ >= options_.frames) {
    end_timer_.arm(now() + options_.linger);
    return;
  }
  // After a late frame the next one keeps its distance: a consumer that still works on this cycle
  // would never see a frame sent into it.
  skipped_ += skip_slots_before(now() + interval() / 2);
  arm();
}

std::optional<Action> Producer::take_action() {
  const auto& actions = options_.personality.actions;
  if (actions_done_ < actions.size() && produced_ >= actions[actions_done_].at_frame) {
    return actions[actions_done_++];
  }
  const std::uint32_t every = options_.personality.recycle_every;
  if (every != 0 && produced_ >= recycled_at_ + every) {
    recycled_at_ = produced_;
    return Action{.kind = Action::Kind::kRecycle, .size = {}};
  }
  return std::nullopt;
}

void Producer::perform(const Action& action) {
  NodeSettings& settings = options_.node;  // a node that is created again starts with these
  switch (action.kind) {
    case Action::Kind::kResize: settings.size = action.size; break;
    case Action::Kind::kReformat: settings.format = action.format; break;
    case Action::Kind::kRecycle: break;
    case Action::Kind::kToMemFd:
      if (!settings.modifiers.empty()) withdrawn_modifiers_ = std::exchange(settings.modifiers, {});
      break;
    case Action::Kind::kToDmaBuf:
      if (settings.modifiers.empty()) settings.modifiers = withdrawn_modifiers_;
      break;
    case Action::Kind::kPause:
      node_->set_active(VideoNode::Activity::kInactive);
      resume_timer_.arm(now() + frame_offset(settings.rate, action.frames));
      return;
    case Action::Kind::kStall:
      begin_epoch(now() + frame_offset(settings.rate, action.frames));
      return;
    case Action::Kind::kFlap:
      node_.reset();
      print_line("gone");
      resume_timer_.arm(now() + kFlapTime);
      return;
  }
  node_->announce(settings.format, settings.size, settings.modifiers);
  stream_printed_ = false;
  arm();
}

void Producer::resume() {
  if (node_) {
    node_->set_active(VideoNode::Activity::kActive);
    return;
  }
  if (auto created = create_node(); !created) {
    print_line("error " + created.error().describe());
    end_ = End::kDisconnected;
    stop();
  }
}

}  // namespace lumen::producer
