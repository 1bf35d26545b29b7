#include "zerocopy/planner.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen {
namespace {

constexpr std::string_view kReadback = "readback";

std::optional<Modifier> modifier_of(const CapturedFrame& frame) {
  const auto* image = std::get_if<DmaBufImage>(&frame.image);
  return image == nullptr ? std::nullopt : std::optional(image->modifier);
}

bool contains(const std::vector<FormatOffer>& offers, Fourcc format,
              std::optional<Modifier> modifier) {
  return std::ranges::any_of(offers, [&](const FormatOffer& offer) {
    if (offer.format != format) return false;
    if (!modifier) return offer.modifiers.empty();
    return std::ranges::find(offer.modifiers, *modifier) != offer.modifiers.end();
  });
}

std::string name_of(Fourcc format, std::optional<Modifier> modifier) {
  return to_string(format) + (modifier ? " " + to_string(*modifier) : " in host memory");
}

bool has_depth(const std::vector<FormatOffer>& offers, unsigned bits) {
  return std::ranges::any_of(
      offers, [bits](const FormatOffer& offer) { return bit_depth(offer.format) == bits; });
}

bool is_lost(const Error& error) { return error.kind == ErrorKind::kDeviceLost; }

}  // namespace

std::string_view to_string(ZeroCopy mode) {
  switch (mode) {
    case ZeroCopy::kOff: return "off";
    case ZeroCopy::kRequire: return "require";
    case ZeroCopy::kAuto: break;
  }
  return "auto";
}

Planner::Planner(ZeroCopy mode, std::span<const ImporterEntry> registry)
    : mode_(mode), registry_(registry), gpu_shared_(make_gpu()) {
  ladder_.reserve(registry.size() + 1);
  for (const ImporterEntry& entry : registry) {
    if (entry.kind == RouteKind::kCpu && mode != ZeroCopy::kOff) {
      ladder_.push_back({std::string(kReadback), false, ""});
    }
    ladder_.push_back({std::string(entry.name), false, ""});
  }
}

Planner::~Planner() = default;

Result<std::unique_ptr<Planner>> Planner::create(ZeroCopy mode,
                                                 std::span<const ImporterEntry> registry) {
  std::unique_ptr<Planner> self(new Planner(mode, registry));
  const bool gpu = mode != ZeroCopy::kOff && self->take_next_gpu_route();
  for (const ImporterEntry& entry : registry) {
    LadderStep& step = *std::ranges::find(self->ladder_, entry.name, &LadderStep::name);
    if (entry.kind == RouteKind::kGpu) {
      if (mode == ZeroCopy::kOff) step.reason = "switched off";
    } else if (mode == ZeroCopy::kRequire) {
      step.reason = "zero copy is required";
    } else if (!self->cpu_) {
      const auto usable = entry.check();
      auto route = usable ? self->make(entry) : Result<Route>(tl::unexpected(usable.error()));
      if (!route) {
        step.reason = route.error().describe();
        continue;
      }
      self->cpu_ = std::move(*route);
      step.taken = !gpu;
      step.reason = gpu ? "stands ready for host memory" : "";
    }
  }
  if (self->gpu_)
    log::area("zerocopy").info("{}: proven with a test picture", self->gpu_->step->name);
  if (self->gpu_ || self->cpu_) return self;
  std::string reasons;
  for (const LadderStep& step : self->ladder_) {
    if (step.name != kReadback) reasons += "; " + step.name + ": " + step.reason;
  }
  if (mode == ZeroCopy::kRequire) {
    return required("no GPU route works" + reasons,
                    "lumen-host zerocopy-probe says what to change; --zerocopy auto goes on "
                    "without");
  }
  return fail(ErrorKind::kUnsupported, "no way to import frames" + reasons);
}

Result<Planner::Route> Planner::make(const ImporterEntry& entry) {
  // Windows has no routes yet, and so no GPU to hand over.
  auto importer = entry.create(*gpu_shared_);
  if (!importer) return tl::unexpected(std::move(importer.error()));
  Route route;
  route.entry = &entry;
  route.importer = std::move(*importer);
  route.offers = route.importer->offers();
  if (route.offers.empty()) {
    return fail(ErrorKind::kUnsupported, "takes no format on this machine");
  }
  if (target_) {
    if (auto ready = route.importer->configure(*target_); !ready) {
      return tl::unexpected(std::move(ready.error()));
    }
  }
  return route;
}

bool Planner::take_next_gpu_route() {
  if (deep_) drop_deep_route("");
  gpu_.reset();
  for (; next_gpu_ < registry_.size(); ++next_gpu_) {
    const ImporterEntry& entry = registry_[next_gpu_];
    if (entry.kind != RouteKind::kGpu) continue;
    LadderStep& step = *std::ranges::find(ladder_, entry.name, &LadderStep::name);
    // A machine without the driver is nothing to talk about; one where it fails is.
    const auto usable = entry.check();
    auto route = usable ? make(entry) : Result<Route>(tl::unexpected(usable.error()));
    // Whatever this route did to the context must not be held against the next.
    if (!route && is_lost(route.error())) lose_gpu(*gpu_shared_);
    if (!route) {
      step = {step.name, false, route.error().describe()};
      if (usable) {
        log::area("zerocopy").info("not {}: {}", step.name, step.reason);
      } else {
        log::area("zerocopy").debug("not {}: {}", step.name, step.reason);
      }
      continue;
    }
    route->step = &step;
    step = {step.name, true, ""};
    gpu_ = std::move(*route);
    describe_readback();
    ++next_gpu_;
    take_deep_route();
    return gpu_.has_value();
  }
  return false;
}

void Planner::prefer_depth(unsigned bits) {
  if (std::exchange(preferred_depth_, bits) == bits) return;
  if (bits == 10) {
    take_deep_route();
  } else if (deep_) {
    drop_deep_route("");
  }
}

// NVIDIA's driver registers no EGLImage of ten bits with CUDA, for instance, and Vulkan copies it.
void Planner::take_deep_route() {
  if (!gpu_ || preferred_depth_ != 10 || has_depth(gpu_->offers, 10)) return;
  for (std::size_t next = next_gpu_; next < registry_.size(); ++next) {
    const ImporterEntry& entry = registry_[next];
    if (entry.kind != RouteKind::kGpu || !entry.check()) continue;
    auto route = make(entry);
    if (!route && is_lost(route.error())) {
      // With the context of the route in use, which is none the worse for it and has passed its own
      // test: it is made again, and this one is not tried again.
      preferred_depth_ = 8;
      gpu_->proven = true;
      if (!rebuild(route.error())) static_cast<void>(step_down(std::move(route.error())));
      return;
    }
    if (!route) continue;
    std::erase_if(route->offers,
                  [](const FormatOffer& offer) { return bit_depth(offer.format) != 10; });
    if (route->offers.empty()) continue;
    route->step = &*std::ranges::find(ladder_, entry.name, &LadderStep::name);
    *route->step = {route->step->name, true, "pictures of ten bits"};
    log::area("zerocopy")
        .info("{}: for pictures of ten bits, which {} does not take", entry.name,
              gpu_->entry->name);
    deep_ = std::move(*route);
    return;
  }
}

void Planner::drop_deep_route(std::string reason) {
  *deep_->step = {deep_->step->name, false, std::move(reason)};
  deep_.reset();
}

void Planner::describe_readback() {
  const auto step = std::ranges::find(ladder_, kReadback, &LadderStep::name);
  if (step == ladder_.end()) return;
  const bool used = gpu_ && target_ && target_->memory == FrameMemory::kHost;
  if (used && !step->taken) {
    log::area("zerocopy")
        .info(
            "the encoder reads host memory: the GPU converts each picture and it is then read "
            "back");
  }
  *step = {step->name, used, used ? "the encoder reads host memory" : ""};
}

std::vector<FormatOffer> Planner::offers() const {
  std::vector<FormatOffer> all;
  if (gpu_) all = by_depth(gpu_->offers, preferred_depth_);
  if (deep_) all.insert(all.begin(), deep_->offers.begin(), deep_->offers.end());
  if (!cpu_) return all;
  const std::vector<FormatOffer> by_gpu = all;
  for (const FormatOffer& offer : by_depth(cpu_->offers, preferred_depth_)) {
    FormatOffer rest = offer;
    if (gpu_ && !rest.modifiers.empty()) {
      std::erase_if(rest.modifiers,
                    [&](Modifier modifier) { return contains(by_gpu, offer.format, modifier); });
      if (rest.modifiers.empty()) continue;
    }
    all.push_back(std::move(rest));
  }
  return all;
}

Result<void> Planner::configure(const ImportTarget& target) {
  target_ = target;
  if (mode_ == ZeroCopy::kRequire && target.memory == FrameMemory::kHost) {
    return required("the encoder reads host memory",
                    "choose an encoder that reads GPU memory, or --zerocopy auto");
  }
  if (cpu_) {
    if (auto ready = cpu_->importer->configure(target); !ready) return ready;
  }
  while (gpu_) {
    auto ready = gpu_->importer->configure(target);
    if (ready) break;
    auto stepped = step_down(std::move(ready.error()));
    told_ = false;  // offers() has changed, and nobody hears of it before the next frame
    if (!gpu_ && !cpu_) return stepped;
  }
  if (deep_) {
    if (auto ready = deep_->importer->configure(target); !ready) {
      drop_deep_route(ready.error().describe());
      told_ = false;
    }
  }
  describe_readback();
  return {};
}

Planner::Route* Planner::route_for(Fourcc format, std::optional<Modifier> modifier) {
  if (gpu_ && contains(gpu_->offers, format, modifier)) return &*gpu_;
  if (deep_ && contains(deep_->offers, format, modifier)) return &*deep_;
  if (cpu_ && contains(cpu_->offers, format, modifier)) return &*cpu_;
  return nullptr;
}

Result<Frame> Planner::import(CapturedFrame captured) {
  const Fourcc format = captured.format;
  const auto modifier = modifier_of(captured);
  Route* const route = route_for(format, modifier);
  // Damage counts from the frame before, which another route may have had, or none.
  if (std::exchange(last_, route) != route) captured.damage = Damage();
  if (route == nullptr) {
    // Once the source has been told to negotiate, such frames are those still on their way.
    return fail(std::exchange(told_, true) ? ErrorKind::kRetry : ErrorKind::kFormatRejected,
                name_of(format, modifier) + " was not offered");
  }
  auto frame = route->importer->import(std::move(captured));
  if (!frame) {
    if (frame.error().kind == ErrorKind::kRetry) return frame;
    auto error = failed(*route, format, modifier, std::move(frame.error()));
    told_ = told_ || error.value().kind == ErrorKind::kFormatRejected;
    return error;
  }
  told_ = false;
  route->proven = true;
  route->strikes = 0;
  pool_ = route->importer->pool();
  if (const auto taken = route->importer->route(); taken != route_) route_ = taken;
  return frame;
}

tl::unexpected<Error> Planner::failed(Route& route, Fourcc format, std::optional<Modifier> modifier,
                                      Error error) {
  if (error.kind == ErrorKind::kFormatRejected || error.kind == ErrorKind::kInvalidArgument) {
    if (++route.strikes < kStrikes) {
      log::area("zerocopy").debug("{}: {}", route.entry->name, error.describe());
      error.kind = ErrorKind::kRetry;
      return tl::unexpected(std::move(error));
    }
    route.strikes = 0;
    return drop(route, format, modifier, std::move(error));
  }
  if (route.entry->kind == RouteKind::kCpu) return tl::unexpected(std::move(error));
  if (deep_ && &route == &*deep_) return deep_failed(std::move(error));
  const bool deep = deep_.has_value();
  if (is_lost(error) && rebuild(error)) {
    return fail(deep && !deep_ ? ErrorKind::kFormatRejected : ErrorKind::kRetry,
                "the GPU was lost and opened again");
  }
  return step_down(std::move(error));
}

// Pictures of eight bits, or of ten by the CPU, are what is left.
tl::unexpected<Error> Planner::deep_failed(Error error) {
  log::area("zerocopy").warn("{} failed: {}", deep_->entry->name, error.describe());
  const bool worked = deep_->proven;
  drop_deep_route(error.describe());
  if (is_lost(error)) {
    gpu_->proven = true;  // it has passed its test, and this was not its fault
    if (!rebuild(error)) return step_down(std::move(error));
    if (worked) take_deep_route();
  }
  error.kind = offers().empty() ? ErrorKind::kUnsupported : ErrorKind::kFormatRejected;
  return tl::unexpected(std::move(error));
}

// A dropped combination is never taken up again in this stream.
tl::unexpected<Error> Planner::drop(Route& route, Fourcc format, std::optional<Modifier> modifier,
                                    Error error) {
  log::area("zerocopy")
      .warn("{} can't import {}: {}; negotiating another format", route.entry->name,
            name_of(format, modifier), error.describe());
  route.offers = without(std::move(route.offers), format, modifier);
  // A producer usually has one format: with no layout left for it, the next route is better than
  // reading the same buffers with the CPU.
  const bool exhausted = std::ranges::none_of(
      route.offers, [&](const FormatOffer& offer) { return offer.format == format; });
  if (exhausted && deep_ && &route == &*deep_) {
    drop_deep_route(error.describe());
  } else if (exhausted && gpu_ && &route == &*gpu_) {
    return step_down(fail(ErrorKind::kUnsupported, "no layout is left: " + error.message).value());
  }
  if (offers().empty()) return tl::unexpected(std::move(error));
  error.kind = ErrorKind::kFormatRejected;
  return tl::unexpected(std::move(error));
}

tl::unexpected<Error> Planner::step_down(Error error) {
  *gpu_->step = {gpu_->step->name, false, error.describe()};
  log::area("zerocopy").warn("{} failed: {}; stepping down", gpu_->step->name, error.describe());
  if (deep_) drop_deep_route("");
  gpu_.reset();
  if (is_lost(error)) {
    if (let_go_) let_go_();
    lose_gpu(*gpu_shared_);
  }
  if (take_next_gpu_route()) {
    log::area("zerocopy").info("{}: proven with a test picture", gpu_->step->name);
    return fail(ErrorKind::kFormatRejected, "stepped down to " + gpu_->step->name);
  }
  describe_readback();
  if (!cpu_ || offers().empty()) {
    if (mode_ == ZeroCopy::kRequire) {
      return required("the last GPU route failed: " + error.message,
                      "--zerocopy auto would step down instead");
    }
    error.kind = ErrorKind::kUnsupported;
    return tl::unexpected(std::move(error));
  }
  LadderStep& step = *std::ranges::find(ladder_, cpu_->entry->name, &LadderStep::name);
  step = {step.name, true, ""};
  return fail(ErrorKind::kFormatRejected, "stepped down to " + step.name);
}

tl::unexpected<Error> Planner::required(std::string message, std::string hint) {
  Error error;
  error.kind = ErrorKind::kUnsupported;
  error.message = "zero copy is required, but " + std::move(message);
  error.hint = std::move(hint);
  error.domain = kErrorDomain;
  return tl::unexpected(std::move(error));
}

// A context dies over a suspend, for instance: the same route works again in a new one. A route
// that loses its device before a single frame has come through would do so for ever.
bool Planner::rebuild(const Error& error) {
  if (!gpu_->proven) return false;
  const ImporterEntry& entry = *gpu_->entry;
  LadderStep* const step = gpu_->step;
  const std::vector<FormatOffer> offered = gpu_->offers;
  log::area("zerocopy")
      .warn("{}: the GPU was lost: {}; opening it again", entry.name, error.describe());
  if (let_go_) let_go_();
  const bool deep = deep_.has_value();
  if (deep) drop_deep_route("");
  gpu_->importer.reset();
  lose_gpu(*gpu_shared_);
  auto route = make(entry);
  if (!route) {
    log::area("zerocopy").warn("{} does not come back: {}", entry.name, route.error().describe());
    return false;
  }
  route->step = step;
  route->offers = offered;
  gpu_ = std::move(*route);
  if (deep) take_deep_route();
  return true;
}

Result<void> Planner::recover_gpu() {
  if (gpu_shared_ == nullptr || gpu_usable(*gpu_shared_)) return {};
  if (!gpu_) {
    lose_gpu(*gpu_shared_);
    return {};
  }
  const Error error = fail(ErrorKind::kDeviceLost, "the GPU's context has died").value();
  if (rebuild(error)) return {};
  auto stepped = step_down(error);
  told_ = false;
  if (offers().empty()) return stepped;
  return {};
}

std::vector<FormatOffer> without(std::vector<FormatOffer> offers, Fourcc format,
                                 std::optional<Modifier> modifier) {
  std::vector<FormatOffer> remaining;
  for (FormatOffer& offer : offers) {
    const bool concerned =
        offer.format == format && offer.modifiers.empty() != modifier.has_value();
    if (concerned && modifier) std::erase(offer.modifiers, *modifier);
    if (!concerned || !offer.modifiers.empty()) remaining.push_back(std::move(offer));
  }
  return remaining;
}

std::vector<FormatOffer> by_depth(const std::vector<FormatOffer>& offers, unsigned bits) {
  std::vector<FormatOffer> ordered;
  for (auto run = offers.begin(); run != offers.end();) {
    const auto end = std::find_if(run, offers.end(), [run](const FormatOffer& offer) {
      return offer.modifiers.empty() != run->modifiers.empty();
    });
    for (const bool wished : {true, false}) {
      std::copy_if(run, end, std::back_inserter(ordered), [&](const FormatOffer& offer) {
        return (bit_depth(offer.format) == bits) == wished;
      });
    }
    run = end;
  }
  return ordered;
}

}  // namespace lumen
