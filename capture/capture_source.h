// A source of captured frames: a PipeWire node, a synthetic pattern, later DXGI.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "core/time.h"

namespace lumen {

/// One entry of what the importer can take, best first. Without modifiers it is host memory; with
/// them a dmabuf in one of these layouts.
struct FormatOffer {
  Fourcc format = Fourcc::kNone;
  std::vector<Modifier> modifiers;  // empty: host memory; else best first

  friend bool operator==(const FormatOffer&, const FormatOffer&) = default;
};

/// What a source does where what it captures isn't there at its start.
enum class AbsentSource : std::uint8_t { kIsError, kIsAwaited };

/// How much the receiver's wish for a size means.
enum class SizeWish : std::uint8_t {
  kPreference,  // the producer may have its own
  kExactly,     // for producers that make what they are asked for, such as virtual monitors
};

/// Whether the pointer may come beside the pictures (CapturedFrame::cursor).
enum class CursorWish : std::uint8_t {
  kBeside,   // where the producer can, and has not drawn it
  kIgnored,  // it is not asked for
};

struct CaptureRequest {
  std::vector<FormatOffer> offers;    // preference order; never empty
  FrameRate max_rate{60, 1};          // the producer may send fewer
  Extent preferred_size{1920, 1080};  // a wish: producers that can scale may follow it
  SizeWish size_wish = SizeWish::kPreference;
  CursorWish cursor = CursorWish::kBeside;
};

enum class CaptureState {
  kConnecting,  // looking for the node, negotiating
  kStreaming,   // frames come when the picture changes
  kPaused,      // renegotiation or the producer's pause: not the end
  kLost,        // node or daemon gone; the source keeps trying by itself, with back-off
  kEnded,       // the source has nothing more to give (synthetic with a frame count)
};

std::string_view to_string(CaptureState state);

/// Negotiated stream, for logs and status.
struct CaptureFormat {
  Fourcc format = Fourcc::kNone;
  Extent size;
  FrameRate rate;              // variable (0) is what real compositors announce
  FrameRate max_rate;          // the cap that goes with it
  std::string memory;          // "MemFd", "DmaBuf LINEAR", …
  ColorDescription color;      // as CapturedFrame::color
  bool cursor_beside = false;  // the producer may tell where the pointer is
};

/// Receives what a source produces. Calls come from the source's own threads: return at once, take
/// no lock that is held for long, log nothing in on_frame().
class CaptureListener {
 public:
  virtual ~CaptureListener() = default;
  virtual void on_frame(CapturedFrame frame) = 0;
  virtual void on_format(const CaptureFormat& format) = 0;
  virtual void on_state(CaptureState state, const std::string& reason) = 0;
  /// The source gives up for good; no more calls follow.
  virtual void on_failure(Error error) = 0;
};

/// Counters since start; read from any thread.
struct CaptureStats {
  std::uint64_t received = 0;    // usable pictures handed to the listener
  std::uint64_t superseded = 0;  // older buffers given back because a newer one was waiting
  std::uint64_t corrupted = 0;   // flagged CORRUPTED by the producer
  std::uint64_t empty = 0;       // chunk of size 0: no new picture
  std::uint64_t invalid = 0;     // refused: impossible size, pitch, offset or memory
  std::uint64_t reconnects = 0;
  std::uint64_t leases_out = 0;  // buffers not given back yet
};

class CaptureSource {
 public:
  virtual ~CaptureSource() = default;  // stops

  /// Connects, negotiates and begins to deliver. Returns when the node was found and the stream is
  /// connecting; later trouble goes to the listener. The listener must outlive stop().
  virtual Result<void> start(const CaptureRequest& request, CaptureListener& listener) = 0;

  /// Replaces the offers and renegotiates: how an importer drops a format or modifier that failed.
  /// Any thread.
  virtual void renegotiate(std::vector<FormatOffer> offers) = 0;

  /// Nobody looks: the producer need not make pictures until resume(), whether it is there now or
  /// comes meanwhile. What is on its way still arrives. A source that can't be paused goes on. Any
  /// thread; idempotent; before start() too.
  virtual void pause() {}
  virtual void resume() {}

  /// No listener call happens after this returns. Leases may still be out and stay valid.
  virtual void stop() = 0;

  [[nodiscard]] virtual CaptureStats stats() const = 0;
  /// Plain name for people: "PipeWire node gamescope (id 41)".
  [[nodiscard]] virtual std::string describe() const = 0;
  /// The desktop itself shows its user that somebody takes these pictures. Any thread.
  [[nodiscard]] virtual bool has_indicator() const { return false; }
};

}  // namespace lumen
