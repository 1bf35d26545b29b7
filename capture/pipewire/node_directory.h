// The video or audio nodes that a PipeWire daemon has, kept current from its registry.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <pipewire/pipewire.h>

#include "capture/capture_source.h"
#include "core/error.h"

namespace lumen::pipewire {

enum class NodeKind : std::uint8_t { kVideo, kAudio };

struct NodeInfo {
  std::uint32_t id = 0;      // changes at every start of the daemon
  std::uint64_t serial = 0;  // never reused while the daemon runs
  std::string name;          // node.name
  std::string description;   // node.description or node.nick; may be empty
  std::string application;   // may be empty
  std::string media_class;   // "Video/Source", "Stream/Output/Video"; "Audio/Sink", …
  bool camera = false;       // a device (V4L2, libcamera), not a compositor
};

/// "gamescope (id 41)"
std::string to_string(const NodeInfo& node);

/// A node that plays sound, and has a monitor of it.
bool is_audio_sink(const NodeInfo& node);

/// Which node is wanted.
struct AnyNode {};
struct NodeName {
  std::string name;
};
struct NodeId {
  std::uint32_t id;
};
struct NodeSerial {
  std::uint64_t serial;
};
/// A gamescope's node. Where several run, they count from 1 in the order in which they came.
struct GamescopeNode {
  unsigned number = 0;  // 0: the only one
};
using NodeSelector = std::variant<AnyNode, NodeName, NodeId, NodeSerial, GamescopeNode>;

std::string to_string(const NodeSelector& selector);

/// The node a selector names, or nothing. A name matches node.name, else the description; where
/// several match, the newest (highest serial) is meant. AnyNode prefers gamescope, then any other
/// compositor's stream, and takes no camera.
std::optional<NodeInfo> select(const std::vector<NodeInfo>& nodes, const NodeSelector& selector);

/// The nodes of the gamescopes that run, the oldest first.
std::vector<NodeInfo> gamescope_nodes(const std::vector<NodeInfo>& nodes);

/// Whether the selector leaves it open which of several gamescopes is meant: kInvalidArgument, or,
/// where one is waited for, kRetry with the choices in the message.
Result<void> check_unambiguous(const std::vector<NodeInfo>& nodes, const NodeSelector& selector,
                               AbsentSource absent);

/// kNotFound with what is there instead.
Error node_not_found(const std::vector<NodeInfo>& nodes, const NodeSelector& selector);

/// Follows the registry of one connection. All calls with the loop locked or on its thread.
class NodeDirectory {
 public:
  using Changed = std::function<void()>;

  NodeDirectory(pw_core* core, NodeKind kind, Changed changed);
  NodeDirectory(const NodeDirectory&) = delete;
  ~NodeDirectory();

  [[nodiscard]] std::vector<NodeInfo> nodes() const;
  [[nodiscard]] bool contains(std::uint64_t serial) const;

 private:
  pw_registry* registry_;
  NodeKind kind_;
  spa_hook listener_{};
  std::map<std::uint32_t, NodeInfo> nodes_;
  Changed changed_;
};

}  // namespace lumen::pipewire
