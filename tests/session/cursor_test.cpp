// The pointer as metadata: what a viewer sees has it in its place, in its colours, and nothing of
// it where it was before.
#include <algorithm>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "capture/session/session_bus.h"
#include "capture/synthetic/barcode.h"
#include "capture/synthetic/pattern.h"
#include "harness/compositor.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"
#include "producer/node_settings.h"
#include "producer/pointer.h"

namespace lumen::session {
namespace {

using producer::kPointerColor;
using producer::kPointerGlass;
using producer::kPointerRest;
using producer::kPointerSize;
using producer::pointer_patch;
using producer::pointer_rect;

constexpr Extent kSize{640, 360};
constexpr double kTolerance = 10;  // of a lossy encoder, on 255
constexpr double kScaledTolerance = 16;

bool near(const session::Rgb& seen, double red, double green, double blue, double tolerance) {
  return std::abs(seen.red - red) <= tolerance && std::abs(seen.green - green) <= tolerance &&
         std::abs(seen.blue - blue) <= tolerance;
}

/// The middle of one half of the pointer where it rests on `patch`.
Rect half_of(unsigned patch, bool right, Extent size) {
  Rect rect = pointer_rect(patch, kSize);
  rect.x += right ? kPointerSize.width / 2 : 0;
  rect.size.width /= 2;
  rect = {rect.x + 4, rect.y + 4, {rect.size.width - 8, rect.size.height - 8}};
  const auto scale = [](std::uint32_t value, std::uint32_t to, std::uint32_t from) {
    return value * to / from;
  };
  return {scale(rect.x, size.width, kSize.width),
          scale(rect.y, size.height, kSize.height),
          {std::max(2U, scale(rect.size.width, size.width, kSize.width)),
           std::max(2U, scale(rect.size.height, size.height, kSize.height))}};
}

enum class Seen { kPointer, kPatch, kNeither };

/// What lies in the middle of a patch.
Seen look_at(const DecodedFrame& frame, unsigned patch, double tolerance) {
  const auto left = mean_rgb(frame, half_of(patch, false, frame.size));
  const auto right = mean_rgb(frame, half_of(patch, true, frame.size));
  if (!left || !right) return Seen::kNeither;
  const lumen::Rgb under = patch_color(patch);
  if (near(*left, under.r, under.g, under.b, tolerance) &&
      near(*right, under.r, under.g, under.b, tolerance)) {
    return Seen::kPatch;
  }
  const auto through_glass = [](std::uint8_t value) {
    return kPointerGlass + value * (255.0 - kPointerGlass) / 255;
  };
  const bool pointer = near(*left, kPointerColor.r, kPointerColor.g, kPointerColor.b, tolerance) &&
                       near(*right, through_glass(under.r), through_glass(under.g),
                            through_glass(under.b), tolerance);
  return pointer ? Seen::kPointer : Seen::kNeither;
}

/// The one patch on which the pointer rests; all others look as they were drawn.
std::optional<unsigned> pointer_in(const DecodedFrame& frame, double tolerance) {
  std::optional<unsigned> found;
  for (unsigned patch = 0; patch < kPatchCount; ++patch) {
    const Seen seen = look_at(frame, patch, tolerance);
    if (seen == Seen::kNeither || (seen == Seen::kPointer && found)) return std::nullopt;
    if (seen == Seen::kPointer) found = patch;
  }
  return found;
}

/// For a failure's message: the colours that were seen.
std::string describe(const DecodedFrame& frame) {
  std::string text;
  for (unsigned patch = 0; patch < kPatchCount; ++patch) {
    text += fmt::format("patch {}:", patch);
    for (const bool right : {false, true}) {
      const auto seen = mean_rgb(frame, half_of(patch, right, frame.size));
      if (seen) text += fmt::format(" {:.0f},{:.0f},{:.0f}", seen->red, seen->green, seen->blue);
    }
    text += '\n';
  }
  return text;
}

class CursorMetadata : public InSession {
 protected:
  /// Decodes what lumen makes of the producer's stream.
  std::vector<DecodedFrame> record(std::vector<std::string> producer_args,
                                   const std::vector<std::string>& host_args) {
    producer_args.insert(producer_args.begin(), {LUMEN_TEST_PRODUCER, "--name", "screen", "--size",
                                                 "640x360", "--fps", "30", "--linger", "20"});
    auto process = session->spawn(producer_args, StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(10000)));
    const std::string path = (session->dir() / "out.mkv").string();
    std::vector<std::string> args = {"--source", "node:screen",  "--bitrate",  "8M",
                                     "--sink",   "file:" + path, "--duration", "4"};
    args.insert(args.end(), host_args.begin(), host_args.end());
    auto host = Host::start(*session, args);
    EXPECT_TRUE(host) << host.error().describe();
    EXPECT_EQ(host->exit_code(Milliseconds(40000)), 0) << host->process().log_text();
    log = host->process().log_text();
    auto frames = decode_frames(path);
    EXPECT_TRUE(frames) << frames.error().describe();
    return frames ? std::move(*frames) : std::vector<DecodedFrame>{};
  }

  std::string log;
};

std::optional<std::uint32_t> number_of(const DecodedFrame& frame) {
  return barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
}

struct Case {
  const char* name;
  std::vector<std::string> producer;
  std::vector<std::string> host;
  double tolerance = kTolerance;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class EachPicture : public CursorMetadata, public testing::WithParamInterface<Case> {};

TEST_P(EachPicture, HasThePointerWhereItIsAndNowhereElse) {
  std::vector<std::string> args = {"--cursor", "beside"};
  args.insert(args.end(), GetParam().producer.begin(), GetParam().producer.end());
  const auto frames = record(args, GetParam().host);
  unsigned right = 0;
  for (const DecodedFrame& frame : frames) {
    const auto number = number_of(frame);
    ASSERT_TRUE(number) << frame.index;
    const auto patch = pointer_in(frame, GetParam().tolerance);
    ASSERT_TRUE(patch) << "picture " << *number << ": no pointer, or more than one\n"
                       << describe(frame) << log;
    EXPECT_EQ(*patch, pointer_patch(*number)) << *number;
    ++right;
  }
  EXPECT_GE(right, kPointerRest * kPatchCount) << "it went round once\n" << log;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EachPicture,
    testing::Values(Case{"bgrx", {}, {}}, Case{"damage", {"--damage", "told"}, {}},
                    Case{"nv12", {"--format", "NV12"}, {}},
                    Case{"scaled", {}, {"--size", "480x270"}, kScaledTolerance}),
    [](const auto& kind) { return std::string(kind.param.name); });

TEST_F(CursorMetadata, APointerThatMovesAloneIsFollowed) {
  const auto frames = record({"--cursor", "alone"}, {});
  std::vector<unsigned> patches;
  for (const DecodedFrame& frame : frames) {
    const auto number = number_of(frame);
    ASSERT_TRUE(number) << frame.index;
    if (*number + 1 < producer::kPicturesBeforeCursor) continue;
    EXPECT_EQ(*number + 1, producer::kPicturesBeforeCursor) << "the last picture stays";
    const auto patch = pointer_in(frame, kTolerance);
    ASSERT_TRUE(patch) << "frame " << frame.index << '\n' << describe(frame) << log;
    if (patches.empty() || patches.back() != *patch) patches.push_back(*patch);
  }
  ASSERT_GE(patches.size(), kPatchCount) << "it goes on without pictures\n" << log;
  for (std::size_t i = 1; i < patches.size(); ++i) {
    EXPECT_EQ(patches[i], (patches[i - 1] + 1) % kPatchCount);
  }
}

/// A pointer of Mutter's own remote desktop: it lives as long as this.
class MutterPointer {
 public:
  static Result<std::unique_ptr<MutterPointer>> create() {
    auto bus = SessionBus::open();
    if (!bus) return tl::unexpected(std::move(bus.error()));
    std::unique_ptr<MutterPointer> self(new MutterPointer(std::move(*bus)));
    auto reply = self->call("/org/gnome/Mutter/RemoteDesktop", kService, "CreateSession");
    if (!reply) return tl::unexpected(std::move(reply.error()));
    const char* path = nullptr;
    if (sd_bus_message_read(reply->get(), "o", &path) < 0) {
      return fail(ErrorKind::kUnsupported, "Mutter names no session");
    }
    self->path_ = path;
    auto started = self->call(self->path_.c_str(), kSession, "Start");
    if (!started) return tl::unexpected(std::move(started.error()));
    return self;
  }

  Result<void> move(double right, double down) {
    auto moved = call(
        path_.c_str(), kSession, "NotifyPointerMotionRelative",
        [&](sd_bus_message* message) { return sd_bus_message_append(message, "dd", right, down); });
    if (!moved) return tl::unexpected(std::move(moved.error()));
    return {};
  }

 private:
  static constexpr const char* kService = "org.gnome.Mutter.RemoteDesktop";
  static constexpr const char* kSession = "org.gnome.Mutter.RemoteDesktop.Session";

  explicit MutterPointer(std::unique_ptr<SessionBus> bus) : bus_(std::move(bus)) {}
  Result<BusMessage> call(const char* path, const char* interface, const char* member,
                          const std::function<int(sd_bus_message*)>& append = {}) {
    auto request = bus_->new_call({kService, path, interface, member});
    if (!request) return request;
    if (const int code = append ? append(request->get()) : 0; code < 0) {
      return bus_failure(member, code);
    }
    const auto stop = StopFd::create({});
    return bus_->call(**stop, std::move(*request), now() + std::chrono::seconds(5));
  }

  std::unique_ptr<SessionBus> bus_;
  std::string path_;
};

/// The darkest and the lightest of a square whose top left corner lies a bit above and left of a
/// pointer's tip.
int contrast(const DecodedFrame& frame, std::uint32_t x, std::uint32_t y) {
  int darkest = 255;
  int lightest = 0;
  for (std::uint32_t row = y - 4; row < y + 24; ++row) {
    for (std::uint32_t column = x - 4; column < x + 24; ++column) {
      const int luma = frame.luma[row * frame.size.width + column];
      darkest = std::min(darkest, luma);
      lightest = std::max(lightest, luma);
    }
  }
  return lightest - darkest;
}

// Mutter's default pointer, an arrow with a light edge, on its dark background.
TEST_F(CursorMetadata, MuttersPointerIsWhereMutterHasIt) {
  constexpr int kArrow = 80;
  constexpr int kBackground = 16;
  auto mutter = Compositor::start(CompositorKind::kMutter, *session, {.size = {1280, 720}});
  if (!mutter && mutter.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << mutter.error().describe();
  }
  ASSERT_TRUE(mutter) << mutter.error().describe();
  ::setenv("DBUS_SESSION_BUS_ADDRESS", session->env().at("DBUS_SESSION_BUS_ADDRESS").c_str(), 1);
  const auto pointer = MutterPointer::create();
  if (!pointer) GTEST_SKIP() << "no remote desktop: " << pointer.error().describe();
  // Before the cast: Mutter 43 tells no shape of a pointer that comes later. The corner first.
  ASSERT_TRUE((*pointer)->move(-5000, -5000));
  ASSERT_TRUE((*pointer)->move(200, 150));
  std::this_thread::sleep_for(Milliseconds(500));

  const std::string path = (session->dir() / "out.mkv").string();
  auto host = Host::start(*session, {"--source", "mutter", "--cursor", "metadata", "--sink",
                                     "file:" + path, "--duration", "5"});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(host->await(Milliseconds(20000), [](const nlohmann::json& status) {
    return status["frames"]["encoded"].get<int>() >= 2;
  })) << host->process().log_text();
  ASSERT_TRUE((*pointer)->move(400, 250));
  EXPECT_EQ(host->exit_code(Milliseconds(40000)), 0) << host->process().log_text();
  EXPECT_NE(host->process().log_text().find("cursor as metadata"), std::string::npos);

  const auto frames = decode_frames(path);
  ASSERT_TRUE(frames) << frames.error().describe();
  ASSERT_GE(frames->size(), 3U);
  EXPECT_GT(contrast(frames->front(), 200, 150), kArrow) << host->process().log_text();
  EXPECT_LT(contrast(frames->front(), 600, 400), kBackground);
  EXPECT_GT(contrast(frames->back(), 600, 400), kArrow);
  EXPECT_LT(contrast(frames->back(), 200, 150), kBackground) << "its old place is restored";
  EXPECT_LT(contrast(frames->back(), 632, 400), kBackground) << "and it is nowhere near";
  EXPECT_LT(contrast(frames->back(), 600, 368), kBackground);
}

TEST_F(CursorMetadata, AnUnwantedPointerIsNotDrawn) {
  for (const char* mode : {"embedded", "hidden"}) {
    const auto frames = record({"--cursor", "beside", "--name", mode},
                               {"--cursor", mode, "--source", std::string("node:") + mode});
    ASSERT_FALSE(frames.empty()) << log;
    for (const DecodedFrame& frame : frames) {
      for (unsigned patch = 0; patch < kPatchCount; ++patch) {
        ASSERT_EQ(look_at(frame, patch, kTolerance), Seen::kPatch) << mode << ' ' << frame.index;
      }
    }
  }
}

}  // namespace
}  // namespace lumen::session
