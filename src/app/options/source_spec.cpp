#include "app/options/source_spec.h"

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace lumen {
namespace {

constexpr std::string_view kForms =
    "use auto, node:NAME, node:id=N, node:serial=N or synthetic[:WxH@FPS]; "
    "'lumen-host sources' lists what is there";

tl::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("'{}' {}", text, why), std::string(kForms));
}

std::optional<std::string_view> after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Built in place: GCC 12 with a sanitizer takes a moved-from temporary's string for uninitialized.
template <typename Which>
SourceSpec node_source(Which which) {
  SourceSpec spec(std::in_place_type<NodeSource>);
  std::get<NodeSource>(spec).which.template emplace<Which>(std::move(which));
  return spec;
}

}  // namespace

Result<SourceSpec> parse_source_spec(std::string_view text) {
  if (text == "auto") return AutoSource{};
  if (text == "synthetic") return SyntheticSpec{};
  if (const auto spec = after(text, "synthetic:")) {
    if (spec->empty()) return bad(text, "has nothing after the colon");
    return SyntheticSpec{std::string(*spec)};
  }
  const auto node = after(text, "node:");
  if (!node) return bad(text, "is not a source");
  if (node->empty()) return bad(text, "names no node");
  if (const auto id = after(*node, "id=")) {
    const auto value = whole_number<std::uint32_t>(*id);
    if (!value) return bad(text, "has no node id (a number up to 4294967295)");
    return node_source(NodeId{*value});
  }
  if (const auto serial = after(*node, "serial=")) {
    const auto value = whole_number<std::uint64_t>(*serial);
    if (!value) return bad(text, "has no object serial (a number)");
    return node_source(NodeSerial{*value});
  }
  return node_source(NodeName{std::string(*node)});
}

std::string to_string(const SourceSpec& spec) {
  if (const auto* node = std::get_if<NodeSource>(&spec)) {
    if (const auto* id = std::get_if<NodeId>(&node->which)) {
      return fmt::format("node:id={}", id->value);
    }
    if (const auto* serial = std::get_if<NodeSerial>(&node->which)) {
      return fmt::format("node:serial={}", serial->value);
    }
    return "node:" + std::get<NodeName>(node->which).value;
  }
  if (const auto* synthetic = std::get_if<SyntheticSpec>(&spec)) {
    return synthetic->spec.empty() ? "synthetic" : "synthetic:" + synthetic->spec;
  }
  return "auto";
}

}  // namespace lumen
