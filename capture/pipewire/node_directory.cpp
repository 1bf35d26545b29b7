#include "capture/pipewire/node_directory.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace lumen::pipewire {
namespace {

std::string property(const spa_dict* props, const char* key) {
  const char* value = props == nullptr ? nullptr : spa_dict_lookup(props, key);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_of(NodeKind kind, std::string_view media_class) {
  if (kind == NodeKind::kVideo) {
    return media_class.starts_with("Video/Source") ||
           media_class.starts_with("Stream/Output/Video");
  }
  return media_class.starts_with("Audio/Sink") || media_class.starts_with("Audio/Source") ||
         media_class == "Audio/Duplex";
}

std::optional<NodeInfo> node_of(NodeKind kind, std::uint32_t id, const char* type,
                                const spa_dict* props) {
  if (std::strcmp(type, PW_TYPE_INTERFACE_Node) != 0) return std::nullopt;
  NodeInfo node;
  node.media_class = property(props, PW_KEY_MEDIA_CLASS);
  if (!is_of(kind, node.media_class)) return std::nullopt;
  node.id = id;
  const std::string serial = property(props, PW_KEY_OBJECT_SERIAL);
  std::from_chars(serial.data(), serial.data() + serial.size(), node.serial);
  node.name = property(props, PW_KEY_NODE_NAME);
  node.description = property(props, PW_KEY_NODE_DESCRIPTION);
  if (node.description.empty()) node.description = property(props, PW_KEY_NODE_NICK);
  node.application = property(props, PW_KEY_APP_NAME);
  node.camera = !property(props, PW_KEY_DEVICE_API).empty() ||
                property(props, PW_KEY_MEDIA_ROLE) == "Camera" || node.name.starts_with("v4l2_") ||
                node.name.starts_with("libcamera_");
  return node;
}

bool is_gamescope(const NodeInfo& node) { return node.name == "gamescope"; }

bool matches(const NodeInfo& node, const NodeSelector& selector) {
  struct Match {
    const NodeInfo& node;
    bool operator()(const AnyNode&) const { return !node.camera; }
    bool operator()(const NodeName& wanted) const { return node.name == wanted.name; }
    bool operator()(const NodeId& wanted) const { return node.id == wanted.id; }
    bool operator()(const NodeSerial& wanted) const { return node.serial == wanted.serial; }
    bool operator()(const GamescopeNode&) const { return is_gamescope(node); }
  };
  return std::visit(Match{node}, selector);
}

}  // namespace

bool is_audio_sink(const NodeInfo& node) {
  return node.media_class.starts_with("Audio/Sink") || node.media_class == "Audio/Duplex";
}

std::string to_string(const NodeInfo& node) {
  return fmt::format("{} (id {})", node.name.empty() ? "unnamed node" : node.name, node.id);
}

std::string to_string(const NodeSelector& selector) {
  struct Text {
    std::string operator()(const AnyNode&) const { return "any video node"; }
    std::string operator()(const NodeName& s) const { return fmt::format("node \"{}\"", s.name); }
    std::string operator()(const NodeId& s) const { return fmt::format("node id={}", s.id); }
    std::string operator()(const NodeSerial& s) const {
      return fmt::format("node serial={}", s.serial);
    }
    std::string operator()(const GamescopeNode& s) const {
      return s.number == 0 ? "gamescope" : fmt::format("gamescope:{}", s.number);
    }
  };
  return std::visit(Text{}, selector);
}

std::optional<NodeInfo> select(const std::vector<NodeInfo>& nodes, const NodeSelector& selector) {
  if (const auto* wanted = std::get_if<GamescopeNode>(&selector); wanted && wanted->number > 0) {
    const std::vector<NodeInfo> found = gamescope_nodes(nodes);
    if (found.size() < wanted->number) return std::nullopt;
    return found[wanted->number - 1];
  }
  std::vector<NodeInfo> found;
  std::ranges::copy_if(nodes, std::back_inserter(found),
                       [&](const NodeInfo& node) { return matches(node, selector); });
  if (const auto* by_name = std::get_if<NodeName>(&selector); found.empty() && by_name != nullptr) {
    std::ranges::copy_if(nodes, std::back_inserter(found),
                         [&](const NodeInfo& node) { return node.description == by_name->name; });
  }
  if (found.empty()) return std::nullopt;
  const bool any = std::holds_alternative<AnyNode>(selector);
  return *std::ranges::max_element(found, [any](const NodeInfo& a, const NodeInfo& b) {
    if (any && is_gamescope(a) != is_gamescope(b)) return is_gamescope(b);
    return a.serial < b.serial;
  });
}

std::vector<NodeInfo> gamescope_nodes(const std::vector<NodeInfo>& nodes) {
  std::vector<NodeInfo> found;
  std::ranges::copy_if(nodes, std::back_inserter(found), is_gamescope);
  std::ranges::sort(found, {}, &NodeInfo::serial);
  return found;
}

Result<void> check_unambiguous(const std::vector<NodeInfo>& nodes, const NodeSelector& selector,
                               AbsentSource absent) {
  const auto* wanted = std::get_if<GamescopeNode>(&selector);
  if (wanted == nullptr || wanted->number != 0) return {};
  const std::vector<NodeInfo> found = gamescope_nodes(nodes);
  if (found.size() < 2) return {};
  std::string choices;
  for (std::size_t i = 0; i < found.size(); ++i) {
    choices += fmt::format("{}gamescope:{} (PipeWire id {})",
                           i == 0                  ? ""
                           : i + 1 == found.size() ? " or "
                                                   : ", ",
                           i + 1, found[i].id);
  }
  const std::string what = fmt::format("{} gamescopes run", found.size());
  const std::string ask = fmt::format("ask for {}, the oldest first", choices);
  if (absent == AbsentSource::kIsAwaited) return fail(ErrorKind::kRetry, what + "; " + ask);
  return fail(ErrorKind::kInvalidArgument, what, ask);
}

Error node_not_found(const std::vector<NodeInfo>& nodes, const NodeSelector& selector) {
  Error error;
  error.kind = ErrorKind::kNotFound;
  if (std::holds_alternative<GamescopeNode>(selector)) {
    const std::size_t running = gamescope_nodes(nodes).size();
    error.message =
        running == 0 ? "no gamescope runs"
                     : fmt::format("there is no {}, only {} of them", to_string(selector), running);
    return error;
  }
  error.message = std::holds_alternative<AnyNode>(selector)
                      ? "PipeWire has nothing to stream"
                      : fmt::format("PipeWire has no such source: {}", to_string(selector));
  if (nodes.empty()) {
    error.hint =
        "no application offers a video stream now; start a screen cast or gamescope, or "
        "try --source synthetic";
  } else {
    error.hint = "there is";
    for (std::size_t i = 0; i < std::min<std::size_t>(nodes.size(), 4); ++i) {
      error.hint += (i == 0 ? " " : ", ") + to_string(nodes[i]);
    }
    error.hint += "; `lumen-host sources` lists all";
  }
  return error;
}

NodeDirectory::NodeDirectory(pw_core* core, NodeKind kind, Changed changed)
    : registry_(pw_core_get_registry(core, PW_VERSION_REGISTRY, 0)),
      kind_(kind),
      changed_(std::move(changed)) {
  static constexpr pw_registry_events kEvents = {
      .version = PW_VERSION_REGISTRY_EVENTS,
      .global =
          [](void* data, std::uint32_t id, std::uint32_t, const char* type, std::uint32_t,
             const spa_dict* props) {
            auto* self = static_cast<NodeDirectory*>(data);
            if (auto node = node_of(self->kind_, id, type, props)) {
              self->nodes_.insert_or_assign(id, std::move(*node));
              self->changed_();
            }
          },
      .global_remove =
          [](void* data, std::uint32_t id) {
            auto* self = static_cast<NodeDirectory*>(data);
            if (self->nodes_.erase(id) != 0) self->changed_();
          },
  };
  if (registry_ != nullptr) pw_registry_add_listener(registry_, &listener_, &kEvents, this);
}

NodeDirectory::~NodeDirectory() {
  if (registry_ == nullptr) return;
  spa_hook_remove(&listener_);
  pw_proxy_destroy(reinterpret_cast<pw_proxy*>(registry_));
}

std::vector<NodeInfo> NodeDirectory::nodes() const {
  std::vector<NodeInfo> result;
  result.reserve(nodes_.size());
  for (const auto& [id, node] : nodes_) result.push_back(node);
  return result;
}

bool NodeDirectory::contains(std::uint64_t serial) const {
  return std::ranges::any_of(nodes_, [serial](const auto& n) { return n.second.serial == serial; });
}

}  // namespace lumen::pipewire
