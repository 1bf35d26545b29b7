#include "capture/pipewire/node_offers.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <pipewire/pipewire.h>
#include <spa/param/format-utils.h>
#include <spa/param/format.h>
#include <spa/param/param.h>
#include <spa/param/video/type-info.h>

#include "capture/pipewire/connection.h"
#include "capture/pipewire/video_format.h"

namespace lumen::pipewire {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerTime = 5s;

/// The values of a plain pod or of a choice; a choice's first value is its default.
template <typename Value>
std::vector<Value> values_of(const spa_pod_prop* prop, std::uint32_t type) {
  if (prop == nullptr) return {};
  std::uint32_t count = 0;
  std::uint32_t choice = 0;
  const spa_pod* values = spa_pod_get_values(&prop->value, &count, &choice);
  if (values == nullptr || values->type != type || values->size != sizeof(Value) || count == 0) {
    return {};
  }
  // A range's other values are its bounds.
  if (choice == SPA_CHOICE_Range || choice == SPA_CHOICE_Step) count = 1;
  std::vector<Value> result(count);
  std::memcpy(result.data(), SPA_POD_BODY_CONST(values), sizeof(Value) * count);
  return result;
}

template <typename Value>
void add_once(std::vector<Value>& list, const Value& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

std::string format_name(std::uint32_t format) {
  if (const Fourcc known = from_spa(format); known != Fourcc::kNone) return to_string(known);
  for (const spa_type_info* row = spa_type_video_format; row->name != nullptr; ++row) {
    if (row->type != format) continue;
    const std::string_view name = row->name;
    return std::string(name.substr(name.rfind(':') + 1));
  }
  return fmt::format("SPA format {}", format);
}

/// A node that is being asked. Made, used and destroyed with the loop locked.
class Inquiry {
 public:
  Inquiry(pw_registry* registry, NodeInfo node) {
    offers_.node = std::move(node);
    proxy_ = static_cast<pw_proxy*>(
        pw_registry_bind(registry, offers_.node.id, PW_TYPE_INTERFACE_Node, PW_VERSION_NODE, 0));
    if (proxy_ == nullptr) return;
    static constexpr pw_node_events kEvents = {
        .version = PW_VERSION_NODE_EVENTS,
        .param =
            [](void* data, int, std::uint32_t id, std::uint32_t, std::uint32_t,
               const spa_pod* param) {
              if (id != SPA_PARAM_EnumFormat || param == nullptr) return;
              auto offer = parse_offer(param);
              if (offer) static_cast<Inquiry*>(data)->offers_.formats.push_back(std::move(*offer));
            },
    };
    pw_proxy_add_object_listener(proxy_, &listener_, &kEvents, this);
    pw_node_enum_params(reinterpret_cast<pw_node*>(proxy_), 0, SPA_PARAM_EnumFormat, 0, UINT32_MAX,
                        nullptr);
  }
  Inquiry(const Inquiry&) = delete;
  ~Inquiry() {
    if (proxy_ == nullptr) return;
    spa_hook_remove(&listener_);
    pw_proxy_destroy(proxy_);
  }

  [[nodiscard]] NodeOffers take() { return std::move(offers_); }

 private:
  NodeOffers offers_;
  pw_proxy* proxy_ = nullptr;
  spa_hook listener_{};
};

struct RegistryEnd {
  void operator()(pw_registry* registry) const {
    pw_proxy_destroy(reinterpret_cast<pw_proxy*>(registry));
  }
};

}  // namespace

Result<OfferedFormat> parse_offer(const spa_pod* pod) {
  std::uint32_t type = 0;
  std::uint32_t subtype = 0;
  if (spa_format_parse(pod, &type, &subtype) < 0 || type != SPA_MEDIA_TYPE_video ||
      subtype != SPA_MEDIA_SUBTYPE_raw) {
    return fail(ErrorKind::kFormatRejected, "not raw video");
  }
  OfferedFormat offer;
  for (const std::uint32_t format : values_of<std::uint32_t>(
           spa_pod_find_prop(pod, nullptr, SPA_FORMAT_VIDEO_format), SPA_TYPE_Id)) {
    add_once(offer.formats, format_name(format));
    offer.bit_depth = std::max(offer.bit_depth, bit_depth(from_spa(format)));
  }
  const auto number = [pod](std::uint32_t key) {
    const auto values = values_of<std::uint32_t>(spa_pod_find_prop(pod, nullptr, key), SPA_TYPE_Id);
    return values.empty() ? 0 : values.front();
  };
  const std::uint32_t primaries = number(SPA_FORMAT_VIDEO_colorPrimaries);
  const std::uint32_t transfer = number(SPA_FORMAT_VIDEO_transferFunction);
  if (primaries != 0 || transfer != 0) offer.color = color_of(primaries, transfer);
  const spa_pod_prop* modifier = spa_pod_find_prop(pod, nullptr, SPA_FORMAT_VIDEO_modifier);
  offer.dmabuf = modifier != nullptr;
  for (const std::int64_t value : values_of<std::int64_t>(modifier, SPA_TYPE_Long)) {
    add_once(offer.modifiers, Modifier{static_cast<std::uint64_t>(value)});
  }
  const auto sizes = values_of<spa_rectangle>(
      spa_pod_find_prop(pod, nullptr, SPA_FORMAT_VIDEO_size), SPA_TYPE_Rectangle);
  if (!sizes.empty()) offer.size = {sizes.front().width, sizes.front().height};
  return offer;
}

Result<std::vector<NodeOffers>> list_offers() {
  auto loop = ThreadLoop::create();
  if (!loop) return tl::unexpected(std::move(loop.error()));
  const ThreadLoop::Lock lock(**loop);
  auto connection = Connection::create(**loop, {.nodes_changed = [] {}, .lost = [](auto&) {}});
  if (!connection) return tl::unexpected(std::move(connection.error()));
  if (auto synced = (*connection)->roundtrip(now() + kAnswerTime); !synced) {
    return tl::unexpected(std::move(synced.error()));
  }
  const std::unique_ptr<pw_registry, RegistryEnd> registry(
      pw_core_get_registry((*connection)->core(), PW_VERSION_REGISTRY, 0));
  if (!registry) return fail(ErrorKind::kIo, "PipeWire's registry can't be read");
  std::vector<std::unique_ptr<Inquiry>> inquiries;
  for (const NodeInfo& node : (*connection)->directory().nodes()) {
    inquiries.push_back(std::make_unique<Inquiry>(registry.get(), node));
  }
  // Twice: a node that lives in another process may answer only after the daemon has asked it.
  for (int i = 0; i < 2; ++i) {
    if (auto synced = (*connection)->roundtrip(now() + kAnswerTime); !synced) {
      return tl::unexpected(std::move(synced.error()));
    }
  }
  std::vector<NodeOffers> offers;
  for (const auto& inquiry : inquiries) offers.push_back(inquiry->take());
  return offers;
}

}  // namespace lumen::pipewire
