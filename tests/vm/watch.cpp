#include "watch.h"

#include <algorithm>
#include <cmath>

#include "capture/synthetic/barcode.h"
#include "capture/synthetic/pattern.h"
#include "harness/decode.h"
#include "host.h"

namespace lumen::session {
namespace {

/// The largest difference between a patch's mean colour and what was drawn.
Result<double> patch_difference(const DecodedFrame& frame) {
  double worst = 0;
  for (unsigned i = 0; i < kPatchCount; ++i) {
    Rect inner = patch_rect(i, frame.size);
    inner.x += inner.size.width / 4;
    inner.y += inner.size.height / 4;
    inner.size = {inner.size.width / 2, inner.size.height / 2};
    const auto mean = mean_rgb(frame, inner);
    if (!mean) return tl::unexpected(mean.error());
    const auto drawn = patch_color(i);
    worst = std::max({worst, std::abs(mean->red - drawn.r), std::abs(mean->green - drawn.g),
                      std::abs(mean->blue - drawn.b)});
  }
  return worst;
}

}  // namespace

Result<HostRun> run_host(PrivateSession& session, const std::vector<std::string>& args,
                         Milliseconds timeout) {
  auto host = Host::start(session, args);
  if (!host) return tl::unexpected(std::move(host.error()));
  HostRun run;
  std::string last;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto status = host->status(Milliseconds(20000));
    if (!status) break;
    last = status->dump();
    const auto& frames = (*status)["frames"];
    if ((*status)["route"].is_string() && frames.value("encoded", 0) > 0) {
      run.routes.insert((*status)["route"].get<std::string>());
      run.encoders.insert((*status)["encoder"].get<std::string>());
    }
  }
  if (host->process().running() && std::chrono::steady_clock::now() >= deadline) {
    host->process().signal(SIGINT);
  }
  run.exit_code = host->exit_code(Milliseconds(20000));
  run.log = host->process().log_text() + last + "\n";
  return run;
}

bool Seen::in_order() const { return std::ranges::is_sorted(numbers); }

std::size_t Seen::different() const {
  return std::set<std::uint32_t>(numbers.begin(), numbers.end()).size();
}

Result<Seen> watch(const std::string& recording) {
  Seen seen;
  Result<void> measured;
  const auto video = decode_video(recording, [&](DecodedFrame&& frame) {
    seen.sizes.insert({frame.size.width, frame.size.height});
    seen.bit_depths.insert(frame.bit_depth);
    const auto number = barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
    if (!number) {
      ++seen.unreadable;
      return;
    }
    seen.numbers.push_back(*number);
    const auto difference = patch_difference(frame);
    if (difference) {
      seen.worst_patch = std::max(seen.worst_patch, *difference);
    } else {
      measured = tl::unexpected(difference.error());
    }
  });
  if (!video) return tl::unexpected(video.error());
  if (!measured) return tl::unexpected(measured.error());
  seen.decoder_errors = static_cast<unsigned>(video->errors);
  return seen;
}

}  // namespace lumen::session
