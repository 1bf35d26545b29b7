// The software encoder against itself and against libavcodec, 1920x1080 at 60 frames per second:
//   damage   a desktop of which a twentieth changes, told what has changed or not: CPU time and
//   PSNR frame    time per frame of H.264 against libx264 through libavcodec with the same settings
// Usage: lumen-bench-software [FRAMES]
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "encode/ffmpeg/libav_encoder.h"
#include "encode/software/software_backend.h"
#include "support/desktop_frames.h"
#include "support/test_frames.h"

namespace lumen {
namespace {

constexpr Extent kSize{1920, 1080};
constexpr std::uint32_t kWarmUp = 60;    // frames: the picture gets sharp
constexpr std::uint32_t kPictures = 24;  // drawn beforehand, shown in turn
constexpr int kRounds = 3;

double seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

EncoderSettings settings_of() {
  EncoderSettings settings;
  settings.size = kSize;
  settings.bitrate_bps = 20'000'000;
  return settings;
}
EncoderSettings constant_quality() {
  EncoderSettings settings = settings_of();
  settings.constant_qp = 24;
  settings.recovery = Recovery::kKeyFrame;
  return settings;
}

using Open = std::function<Result<std::unique_ptr<VideoEncoder>>(EncodedFrameCallback)>;
using Pictures = std::vector<Frame>;

struct Run {
  double cpu_ms = 0;  // per frame, after warming up
  double wall_ms = 0;
  double megabits = 0;  // per second
  std::vector<EncodedFrame> frames;
};

Run measure(const Open& open, const Pictures& pictures, std::uint32_t frames) {
  Run run;
  auto encoder = open([&run](EncodedFrame frame) { run.frames.push_back(std::move(frame)); });
  if (!encoder) {
    fmt::print(stderr, "{}\n", encoder.error().describe());
    std::exit(1);
  }
  double cpu = 0;
  double wall = 0;
  for (std::uint32_t n = 0; n < frames; ++n) {
    if (n == kWarmUp) {
      cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
      wall = seconds(CLOCK_MONOTONIC);
    }
    const auto done = (*encoder)->encode(
        pictures[n % pictures.size()], Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n),
        EncodeRequest::key_frame(n == 0));
    if (!done) {
      fmt::print(stderr, "{}\n", done.error().describe());
      std::exit(1);
    }
  }
  const double count = frames - kWarmUp;
  run.cpu_ms = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / count * 1e3;
  run.wall_ms = (seconds(CLOCK_MONOTONIC) - wall) / count * 1e3;
  for (std::size_t i = kWarmUp; i < run.frames.size(); ++i) {
    run.megabits += static_cast<double>(run.frames[i].data.view().size()) * 8 * 60 / count / 1e6;
  }
  return run;
}

/// The round that cost least.
Run best(std::vector<Run> rounds) {
  return std::move(*std::ranges::min_element(rounds, {}, &Run::cpu_ms));
}

double mean_psnr(const Run& run, const Pictures& pictures) {
  const auto decoded = test::play(Codec::kH264, run.frames);
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t n = kWarmUp; n < decoded.size(); n += 7, ++count) {
    sum += test::psnr(decoded[n], pictures[n % pictures.size()]);
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

Open ours(const EncoderSettings& settings) {
  return [settings](EncodedFrameCallback callback) {
    return software::create(settings, {}, std::move(callback));
  };
}

Open libavcodec(unsigned threads) {
  return [threads](EncodedFrameCallback callback) {
    ffmpeg::LibavSpec spec;
    spec.codec_name = "libx264";
    spec.feed = ffmpeg::make_host_feed(Fourcc::kNV12);
    spec.rate = ffmpeg::LibavSpec::Rate::kNone;
    spec.options = {{"preset", "ultrafast"},
                    {"tune", "zerolatency"},
                    {"qp", std::to_string(*constant_quality().constant_qp)},
                    {"x264-params", fmt::format("keyint=infinite:scenecut=0:threads={}:"
                                                "sliced-threads=1",
                                                threads)}};
    return ffmpeg::LibavEncoder::create(constant_quality(), std::move(spec), std::move(callback));
  };
}

void compare_damage(std::uint32_t frames) {
  const test::DesktopFrames desktop(Fourcc::kNV12, kSize);
  Pictures blind;
  for (std::uint32_t n = 0; n < kPictures; ++n) blind.push_back(desktop.at(n));
  Pictures told = blind;
  for (Frame& frame : told) {
    frame.damage = Damage::nothing();
    frame.damage.add(desktop.window());
  }
  std::vector<Run> blind_rounds;
  std::vector<Run> told_rounds;
  for (int round = 0; round < kRounds; ++round) {
    blind_rounds.push_back(measure(ours(settings_of()), blind, frames));
    told_rounds.push_back(measure(ours(settings_of()), told, frames));
  }
  const Run without = best(std::move(blind_rounds));
  const Run with = best(std::move(told_rounds));
  const double psnr_without = mean_psnr(without, blind);
  const double psnr_with = mean_psnr(with, told);
  fmt::print("### damage: a desktop of which a twentieth changes, H.264, 20 Mb/s\n");
  fmt::print("blind: {:.2f} ms of CPU time per frame, {:.2f} Mb/s, {:.2f} dB\n", without.cpu_ms,
             without.megabits, psnr_without);
  fmt::print("told:  {:.2f} ms of CPU time per frame, {:.2f} Mb/s, {:.2f} dB\n", with.cpu_ms,
             with.megabits, psnr_with);
  fmt::print("ratio {:.2f} (bar 0.5), difference {:+.2f} dB (bar -0.5)\n\n",
             with.cpu_ms / without.cpu_ms, psnr_with - psnr_without);
}

void compare_libavcodec(std::uint32_t frames) {
  const test::TestFrames pattern(Fourcc::kNV12, kSize);
  Pictures pictures;
  for (std::uint32_t n = 0; n < kPictures; ++n) pictures.push_back(pattern.at(n));
  // As many as the encoder takes for this size.
  const unsigned threads = std::clamp(std::thread::hardware_concurrency() / 2, 1U, 4U);
  std::vector<Run> native;
  std::vector<Run> wrapped;
  for (int round = 0; round < kRounds; ++round) {
    native.push_back(measure(ours(constant_quality()), pictures, frames));
    wrapped.push_back(measure(libavcodec(threads), pictures, frames));
  }
  const Run mine = best(std::move(native));
  const Run theirs = best(std::move(wrapped));
  fmt::print("### frame: the test pattern, H.264, QP 24, threads: {}\n", threads);
  fmt::print("lumen:      {:.2f} ms per frame, {:.2f} ms of CPU time, {:.2f} Mb/s, {:.2f} dB\n",
             mine.wall_ms, mine.cpu_ms, mine.megabits, mean_psnr(mine, pictures));
  fmt::print("libavcodec: {:.2f} ms per frame, {:.2f} ms of CPU time, {:.2f} Mb/s, {:.2f} dB\n",
             theirs.wall_ms, theirs.cpu_ms, theirs.megabits, mean_psnr(theirs, pictures));
  fmt::print("ratio {:.2f}, of CPU time {:.2f}\n", mine.wall_ms / theirs.wall_ms,
             mine.cpu_ms / theirs.cpu_ms);
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) {
  const long wished = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 360;
  const auto frames = static_cast<std::uint32_t>(std::clamp(wished, 120L, 100'000L));
  lumen::compare_damage(frames);
  lumen::compare_libavcodec(frames);
  return 0;
}
