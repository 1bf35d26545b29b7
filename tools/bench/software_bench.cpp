// The software path against itself and against libavcodec, 1920x1080 at 60 frames per second:
//   damage   a desktop of which a twentieth changes, told what has changed or not: CPU time of the
//            encoder, of the whole way from the producer's BGRx memory, and PSNR
//   frame    time per frame of H.264 against libx264 through libavcodec with the same settings
// Usage: lumen-bench-software [FRAMES]
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <libyuv/convert_argb.h>

#include "encode/ffmpeg/libav_encoder.h"
#include "encode/software/software_backend.h"
#include "support/desktop_frames.h"
#include "support/test_frames.h"
#include "zerocopy/cpu/cpu_importer.h"

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

/// Picture n for the encoder.
using Next = std::function<Frame(std::uint32_t n)>;

Run measure(const Open& open, const Next& next, std::uint32_t frames) {
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
    const auto done =
        (*encoder)->encode(next(n), Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n),
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

Next in_turn(const Pictures& pictures) {
  return [&pictures](std::uint32_t n) { return pictures[n % pictures.size()]; };
}

/// What a producer without a GPU draws into.
class Screen final : public HostMemory {
 public:
  explicit Screen(const Frame& frame) : bytes_(std::size_t{kPitch} * kSize.height) {
    const CpuImage& image = std::get<CpuImage>(frame.payload);
    const auto pitch = [&](unsigned plane) { return static_cast<int>(image.pitches[plane].bytes); };
    libyuv::NV12ToARGB(image.planes[0], pitch(0), image.planes[1], pitch(1), bytes_.data(), kPitch,
                       kSize.width, kSize.height);
  }
  ReadScope read() override { return {this, std::as_bytes(std::span(bytes_))}; }
  static CapturedFrame captured(std::shared_ptr<Screen> screen, const Damage& damage) {
    CapturedFrame frame;
    ShmImage image{std::move(screen), {}};
    image.planes[0].pitch = Pitch{kPitch};
    frame.image = std::move(image);
    frame.format = Fourcc::kBGRx;
    frame.size = kSize;
    frame.crop = {0, 0, kSize};
    frame.damage = damage;
    return frame;
  }

 private:
  static constexpr std::uint32_t kPitch = kSize.width * 4;
  void end_read() noexcept override {}
  std::vector<std::uint8_t> bytes_;
};
using Screens = std::vector<std::shared_ptr<Screen>>;

/// Reads the producer's pictures, as a stream does.
Next imported(const Screens& screens, const Damage& damage) {
  std::shared_ptr<FrameImporter> importer = cpu::CpuImporter::make();
  (void)importer->configure({.size = kSize});
  return [importer, &screens, damage](std::uint32_t n) {
    const Damage changed = n == 0 ? Damage() : damage;
    auto frame = importer->import(Screen::captured(screens[n % screens.size()], changed));
    if (!frame) {
      fmt::print(stderr, "{}\n", frame.error().describe());
      std::exit(1);
    }
    frame->damage = changed;
    return std::move(*frame);
  };
}

/// CPU time per picture of what `next` does, in milliseconds.
double cost_of(const Next& next, std::uint32_t frames) {
  double least = 0;
  for (int round = 0; round < kRounds; ++round) {
    double cpu = 0;
    for (std::uint32_t n = 0; n < frames; ++n) {
      if (n == kWarmUp) cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
      (void)next(n);
    }
    const double spent = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (frames - kWarmUp) * 1e3;
    least = round == 0 ? spent : std::min(least, spent);
  }
  return least;
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

struct Compared {
  Run without;
  Run with;
};

/// Rounds of both in turn, so that what else the machine does hits both.
Compared compare(const Next& blind, const Next& told, std::uint32_t frames) {
  std::vector<Run> blind_rounds;
  std::vector<Run> told_rounds;
  for (int round = 0; round < kRounds; ++round) {
    blind_rounds.push_back(measure(ours(settings_of()), blind, frames));
    told_rounds.push_back(measure(ours(settings_of()), told, frames));
  }
  return {best(std::move(blind_rounds)), best(std::move(told_rounds))};
}

void print(const char* what, double blind, double told) {
  fmt::print("{}: blind {:.2f} ms of CPU time per frame, told {:.2f} ms, ratio {:.2f}\n", what,
             blind, told, told / blind);
}

void compare_damage(std::uint32_t frames) {
  const test::DesktopFrames desktop(Fourcc::kNV12, kSize);
  Damage damage = Damage::nothing();
  damage.add(desktop.window());
  Pictures blind;
  Screens screens;
  for (std::uint32_t n = 0; n < kPictures; ++n) {
    blind.push_back(desktop.at(n));
    screens.push_back(std::make_shared<Screen>(blind.back()));
  }
  Pictures told = blind;
  for (Frame& frame : told) frame.damage = damage;
  const Compared encoder = compare(in_turn(blind), in_turn(told), frames);
  const Compared path = compare(imported(screens, {}), imported(screens, damage), frames);
  const double psnr_without = mean_psnr(encoder.without, blind);
  const double psnr_with = mean_psnr(encoder.with, told);
  fmt::print("### damage: a desktop of which a twentieth changes, H.264, 20 Mb/s\n");
  print("from the producer's memory to the stream (bar 0.5)", path.without.cpu_ms,
        path.with.cpu_ms);
  print("the encoder alone", encoder.without.cpu_ms, encoder.with.cpu_ms);
  print("reading alone", cost_of(imported(screens, {}), frames),
        cost_of(imported(screens, damage), frames));
  fmt::print("blind: {:.2f} Mb/s, {:.2f} dB; told: {:.2f} Mb/s, {:.2f} dB (bar -0.5)\n\n",
             encoder.without.megabits, psnr_without, encoder.with.megabits, psnr_with);
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
    native.push_back(measure(ours(constant_quality()), in_turn(pictures), frames));
    wrapped.push_back(measure(libavcodec(threads), in_turn(pictures), frames));
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
