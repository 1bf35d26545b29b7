#include "encode/encoder_ladder.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen {
namespace {

std::string describe_rate(const EncoderSettings& settings) {
  if (settings.constant_qp) return fmt::format("constant QP {}", *settings.constant_qp);
  return fmt::format("{:.1f} Mb/s", static_cast<double>(settings.bitrate_bps) / 1e6);
}

}  // namespace

Result<void> EncoderLadder::open(const EncoderSettings& settings, const EncoderDevice& device) {
  Ladder given_up = steps_;
  std::erase_if(given_up, [](const LadderStep& step) { return step.taken; });
  auto opened = open_encoder(choice_, settings, device, callback_, given_up);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  for (const LadderStep& step : opened->ladder) {
    const bool known = std::ranges::find(given_up, step.name, &LadderStep::name) != given_up.end();
    if (step.taken) {
      log::area("encode").info("{} ({}), {} {}x{}, {}", step.reason, step.name,
                               to_string(settings.codec), settings.size.width, settings.size.height,
                               describe_rate(settings));
    } else if (!known) {
      log::area("encode").info("not {}: {}", step.name, step.reason);
    }
  }
  if (opened->backend != backend_) failures_.clear();
  encoder_ = std::move(opened->encoder);
  backend_ = opened->backend;
  steps_ = std::move(opened->ladder);
  return {};
}

Result<void> EncoderLadder::failed(const Error& cause, Timestamp when) {
  encoder_.reset();
  failures_.push_back(when);
  while (when - failures_.front() > kWindow) failures_.pop_front();
  if (failures_.size() < kStrikes) {
    log::area("encode").warn("{} failed: {}; opening it again", backend_, cause.describe());
    return {};
  }
  const std::string reason =
      fmt::format("failed {} times while streaming: {}", failures_.size(), cause.message);
  for (LadderStep& step : steps_) {
    if (step.name == backend_) step = {step.name, false, reason};
  }
  if (choice_ != "auto") return with_context(backend_ + " " + reason, cause);
  log::area("encode").warn("{} {}; stepping down", backend_, reason);
  return {};
}

}  // namespace lumen
