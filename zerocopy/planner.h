// Decides, before anything is negotiated and again whenever something fails, by which route frames
// are imported, and remembers why.
//
// It is an importer itself: frames go to the best route that works, and when that one fails the
// next takes over within the same stream.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture_source.h"
#include "core/error.h"
#include "core/ladder.h"
#include "zerocopy/frame_importer.h"
#include "zerocopy/importer_registry.h"

namespace lumen {

enum class ZeroCopy : std::uint8_t {
  kAuto,     // the best route that works
  kOff,      // CPU routes only
  kRequire,  // GPU routes only; failing rather than stepping down
};

std::string_view to_string(ZeroCopy mode);  // "auto", "off", "require"

/// One thread, except that the thread that creates it may be another.
class Planner final : public FrameImporter {
 public:
  /// Domain of the errors that kRequire makes fatal.
  static constexpr std::string_view kErrorDomain = "zerocopy";

  /// Walks down the ladder until a route works; below a GPU route the CPU route stands ready for
  /// host memory. Error: kUnsupported, no route works; the message has every reason.
  static Result<std::unique_ptr<Planner>> create(
      ZeroCopy mode, std::span<const ImporterEntry> registry = importer_registry());
  ~Planner() override;

  /// What the source should offer now; shrinks when formats or routes fail.
  [[nodiscard]] std::vector<FormatOffer> offers() const override;

  /// Bits that offers() has first, where a route takes others from the same kind of memory too; 8
  /// unless it was called. With 10, and where the GPU route in use takes none of ten bits, a later
  /// one that does is made ready for them besides. The thread that imports.
  void prefer_depth(unsigned bits);

  /// With kRequire, kUnsupported where the encoder reads host memory.
  Result<void> configure(const ImportTarget& target) override;

  /// Errors: kRetry, skip the frame; kFormatRejected, offers() has changed: renegotiate; anything
  /// else, no route is left. What happened to a route is logged here, once.
  ///
  /// One buffer that can't be imported may be one bad buffer: a format or modifier is dropped when
  /// kStrikes frames in a row could not be imported.
  static constexpr unsigned kStrikes = 3;
  Result<Frame> import(CapturedFrame captured) override;
  [[nodiscard]] std::string_view route() const override { return route_; }

  /// Of the route that the last frame took.
  [[nodiscard]] PoolStatus pool() const override { return pool_; }

  /// The GPU that the routes share, for encoders that read its memory.
  [[nodiscard]] const std::shared_ptr<cuda::Gpu>& gpu() const { return gpu_shared_; }

  /// Called before a dead GPU is opened again: whoever else holds something of it (frames, an
  /// encoder) must let go of it, because a context dies only with its last user.
  void on_gpu_lost(std::function<void()> let_go) { let_go_ = std::move(let_go); }

  /// Somebody else found the GPU failing: where its context is dead, it and the route in use are
  /// opened again, or the next route is taken; offers() may change. What held something of it has
  /// let go already. Error: no route is left.
  Result<void> recover_gpu();

  /// Every step in order, taken or with the reason why not.
  [[nodiscard]] const Ladder& ladder() const { return ladder_; }

 private:
  struct Route {
    const ImporterEntry* entry = nullptr;
    LadderStep* step = nullptr;
    std::unique_ptr<FrameImporter> importer;
    std::vector<FormatOffer> offers;
    bool proven = false;   // a frame has come through since it was made
    unsigned strikes = 0;  // frames in a row whose import failed
  };

  Planner(ZeroCopy mode, std::span<const ImporterEntry> registry);

  /// Makes the next GPU route that works the one in use, from `next_gpu_` on. False: none does.
  bool take_next_gpu_route();
  /// Of an entry whose check() has passed.
  Result<Route> make(const ImporterEntry& entry);
  Route* route_for(Fourcc format, std::optional<Modifier> modifier);
  tl::unexpected<Error> failed(Route& route, Fourcc format, std::optional<Modifier> modifier,
                               Error error);
  tl::unexpected<Error> drop(Route& route, Fourcc format, std::optional<Modifier> modifier,
                             Error error);
  tl::unexpected<Error> step_down(Error error);
  bool rebuild(const Error& error);
  void take_deep_route();
  void drop_deep_route(std::string reason);
  tl::unexpected<Error> deep_failed(Error error);
  static tl::unexpected<Error> required(std::string message, std::string hint);
  void describe_readback();

  std::function<void()> let_go_;
  ZeroCopy mode_;
  std::span<const ImporterEntry> registry_;
  std::shared_ptr<cuda::Gpu> gpu_shared_;
  Ladder ladder_;  // one step per registry entry, and one for readback; never reallocated
  std::size_t next_gpu_ = 0;
  std::optional<Route> gpu_;
  std::optional<Route> deep_;  // for ten bits only, which gpu_ does not take
  std::optional<Route> cpu_;
  const Route* last_ = nullptr;  // that the frame before went to, if any
  bool told_ = false;            // the source was told to negotiate, and nothing was imported since
  unsigned preferred_depth_ = 8;
  std::optional<ImportTarget> target_;
  std::string route_;
  PoolStatus pool_;
};

/// The offers that remain when a combination has failed: without a modifier, `format` in host
/// memory; with one, `format` in a dmabuf of that layout. Nothing may remain.
std::vector<FormatOffer> without(std::vector<FormatOffer> offers, Fourcc format,
                                 std::optional<Modifier> modifier);

/// Offers of `bits` before others, within each run of offers of the same kind of memory.
std::vector<FormatOffer> by_depth(const std::vector<FormatOffer>& offers, unsigned bits);

}  // namespace lumen
