// What a video node offers to its consumers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/geometry.h"
#include "core/pixel_format.h"
#include "core/time.h"
#include "personality.h"

namespace lumen::producer {

enum class Memory {
  kMemFd,   // own sealed memfds (PW_STREAM_FLAG_ALLOC_BUFFERS)
  kMemPtr,  // PipeWire allocates
  kDmaBuf,  // own dmabufs where a modifier is negotiated, own memfds where none is, as KWin does
};
enum class RateOffer {
  kFixed,     // framerate N/1
  kVariable,  // framerate 0/1 and maxFramerate up to N/1, as compositors do
};
enum class Pts {
  kHeader,    // due time in SPA_META_Header
  kNone,      // no header metadata is offered
  kMinusOne,  // header with pts -1, as gamescope does
};
/// What a format says about its colours.
enum class ColorOffer {
  kNone,
  kPq,   // BT.2020 primaries, SMPTE ST 2084
  kHlg,  // BT.2020 primaries, ARIB STD-B67
};
/// What SPA_META_VideoDamage says.
enum class DamageReport {
  kNone,  // no such metadata is offered
  kTold,  // what changes with every picture: the barcode and the stage
  kLie,   // the barcode only
};
/// What SPA_META_Cursor says (pointer.h).
enum class CursorReport {
  kNone,    // no such metadata is offered
  kBeside,  // where the pointer is, with every picture
  kAlone,   // the same, and after kPicturesBeforeCursor pictures there is nothing else: buffers
            // without a picture, by an empty chunk and by a corrupted one in turn
};
inline constexpr std::uint32_t kPicturesBeforeCursor = 30;

/// Who picks one of the modifiers that both ends know.
enum class Fixation {
  kProducer,  // MANDATORY | DONT_FIXATE: the producer tries to allocate, then announces one
  kConsumer,  // MANDATORY alone: PipeWire takes the consumer's default, as with gamescope
};
/// When the work of an acquire point is submitted.
enum class Submission {
  kDrawn,   // when it is done: who waits for the point waits for both
  kAtOnce,  // with the picture: its fence is pending, as a GPU's is (needs vgem)
};
enum class PlainTwin {
  kOffered,  // the same format without a modifier, after the one with
  kNone,     // dmabufs or nothing
};

/// DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D in one of the layouts that NVIDIA's EGL lists. The pixels
/// sent under it are linear all the same: it is there to be dropped.
inline constexpr Modifier kModifierTiled{0x0300'0000'0060'6010ULL};
/// Announced by ModifierTrick::kForeign: of another vendor (AMD), and in nobody's list.
inline constexpr Modifier kModifierForeign{0x0200'0000'0000'0001ULL};

struct NodeSettings {
  std::string name = "lumen-test-producer";
  Extent size{1920, 1080};
  Fourcc format = Fourcc::kBGRx;
  std::vector<Fourcc> others;  // offered after it
  /// Of formats with ten bits; those of eight say nothing about their colours.
  ColorOffer color = ColorOffer::kNone;
  FrameRate rate{60, 1};
  RateOffer rate_offer = RateOffer::kFixed;
  Memory memory = Memory::kMemFd;
  Pts pts = Pts::kHeader;
  DamageReport damage = DamageReport::kNone;
  CursorReport cursor = CursorReport::kNone;
  /// In order of preference; empty: no pod with a modifier. With kMemFd they are announced and yet
  /// MemFd is delivered, as by Weston 14.
  std::vector<Modifier> modifiers;
  Fixation fixation = Fixation::kProducer;
  PlainTwin plain = PlainTwin::kOffered;
  std::uint32_t least_buffers = 2;
  std::uint32_t most_buffers = 16;
  /// Explicit sync is offered with dmabufs: how long after it was sent a picture is drawn and its
  /// acquire point signalled.
  std::optional<Nanoseconds> explicit_sync;
  Submission submission = Submission::kDrawn;
  Syncobjs syncobjs = Syncobjs::kReal;
  ExtentTrick extent = ExtentTrick::kNone;
  Descriptors descriptors = Descriptors::kAll;
  ModifierTrick modifier_trick = ModifierTrick::kNone;
};

}  // namespace lumen::producer
