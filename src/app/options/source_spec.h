// --source SPEC: which picture to stream. Pure; nothing is looked up here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "capture/session/cast_target.h"
#include "core/error.h"
#include "core/geometry.h"

namespace lumen {

/// The best of what runs.
struct AutoSource {
  friend bool operator==(const AutoSource&, const AutoSource&) = default;
};

/// PipeWire's object.id: small, and given to another object once this one is gone.
struct NodeId {
  std::uint32_t value = 0;
  friend bool operator==(const NodeId&, const NodeId&) = default;
};
/// PipeWire's object.serial: never given twice while the daemon runs.
struct NodeSerial {
  std::uint64_t value = 0;
  friend bool operator==(const NodeSerial&, const NodeSerial&) = default;
};
/// PipeWire's node.name.
struct NodeName {
  std::string value;
  friend bool operator==(const NodeName&, const NodeName&) = default;
};

struct NodeSource {
  std::variant<NodeName, NodeId, NodeSerial> which;
  friend bool operator==(const NodeSource&, const NodeSource&) = default;
};

/// lumen's own test picture.
struct SyntheticSpec {
  std::string spec;  // "WxH@FPS" as given, for the synthetic source to parse; empty: its default
  friend bool operator==(const SyntheticSpec&, const SyntheticSpec&) = default;
};

/// A gamescope's own node.
struct GamescopeSource {
  unsigned number = 0;       // of several, from 1, in the order in which they came; 0: the only one
  Extent largest;            // the picture that it shall draw; {0, 0}: as large as its output
  std::uint32_t app_id = 0;  // Steam's number of what shall be shown; 0: what has the focus
  friend bool operator==(const GamescopeSource&, const GamescopeSource&) = default;
};

/// KWin's own screen cast.
struct KwinSource {
  session::CastTarget target;
  friend bool operator==(const KwinSource&, const KwinSource&) = default;
};

/// Mutter's own screen cast.
struct MutterSource {
  session::CastTarget target;  // no window
  friend bool operator==(const MutterSource&, const MutterSource&) = default;
};

/// What the desktop portal shall share.
enum class PortalShare : std::uint8_t { kAnything, kMonitor, kWindow, kVirtual };
struct PortalSource {
  PortalShare share = PortalShare::kAnything;
  friend bool operator==(const PortalSource&, const PortalSource&) = default;
};

using SourceSpec = std::variant<AutoSource, NodeSource, SyntheticSpec, GamescopeSource, KwinSource,
                                MutterSource, PortalSource>;

/// auto | gamescope[:N][:size=WxH][:app=ID] | kwin[:OUTPUT|:window=TITLE|:virtual=WxH[@HZ]] |
/// mutter[:MONITOR|:virtual=WxH] | node:NAME | node:id=N | node:serial=N |
/// portal[:monitor|:window|:virtual] | synthetic[:WxH@FPS].
/// Fails with kInvalidArgument.
Result<SourceSpec> parse_source_spec(std::string_view text);

/// The spelling that parse_source_spec() takes.
std::string to_string(const SourceSpec& spec);

}  // namespace lumen
