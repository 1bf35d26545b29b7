#include "app/options/source_spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/options/value_parsers.h"

namespace lumen {
namespace {

constexpr std::string_view kSourceForms =
    "use auto, gamescope[:N][:size=WxH][:app=ID], kwin[:OUTPUT|:window=TITLE|:virtual=WxH], "
    "mutter[:MONITOR|:virtual=WxH], node:NAME, node:id=N, node:serial=N, "
    "portal[:monitor|:window|:virtual] or synthetic[:WxH@FPS]; "
    "'lumen-host sources' lists what is there";

tl::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("'{}' {}", text, why),
              std::string(kSourceForms));
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

/// What stands after the kind's colon; nothing where there is no colon.
using Rest = std::optional<std::string_view>;
using Parser = Result<SourceSpec> (*)(std::string_view text, Rest rest);

Result<SourceSpec> parse_auto(std::string_view text, Rest rest) {
  if (rest) return bad(text, "says more than auto");
  return AutoSource{};
}

Result<SourceSpec> parse_synthetic(std::string_view text, Rest rest) {
  if (rest && rest->empty()) return bad(text, "has nothing after the colon");
  return SyntheticSpec{std::string(rest.value_or(""))};
}

Result<SourceSpec> parse_node(std::string_view text, Rest rest) {
  if (!rest || rest->empty()) return bad(text, "names no node");
  if (const auto id = after(*rest, "id=")) {
    const auto value = whole_number<std::uint32_t>(*id);
    if (!value) return bad(text, "has no node id (a number up to 4294967295)");
    return node_source(NodeId{*value});
  }
  if (const auto serial = after(*rest, "serial=")) {
    const auto value = whole_number<std::uint64_t>(*serial);
    if (!value) return bad(text, "has no object serial (a number)");
    return node_source(NodeSerial{*value});
  }
  return node_source(NodeName{std::string(*rest)});
}

Result<SourceSpec> parse_gamescope(std::string_view text, Rest rest) {
  GamescopeSource gamescope;
  bool first = true;
  while (rest) {
    const std::size_t colon = rest->find(':');
    const std::string_view part = rest->substr(0, colon);
    if (const auto size = after(part, "size=")) {
      const auto largest = parse_size(*size);
      if (!largest) return bad(text, "has no size for the picture (even, such as 1280x720)");
      if (!gamescope.largest.empty()) return bad(text, "has two sizes");
      gamescope.largest = *largest;
    } else if (const auto app = after(part, "app=")) {
      const auto id = whole_number<std::uint32_t>(*app);
      if (!id || *id == 0) return bad(text, "has no Steam app id (a number from 1)");
      if (gamescope.app_id != 0) return bad(text, "has two app ids");
      gamescope.app_id = *id;
    } else {
      const auto number = whole_number<unsigned>(part);
      if (!first || !number || *number == 0) {
        return bad(text, "has no number of a gamescope (from 1), then size=WxH or app=ID");
      }
      gamescope.number = *number;
    }
    first = false;
    rest = colon == std::string_view::npos ? Rest() : rest->substr(colon + 1);
  }
  return gamescope;
}

/// WxH or WxH@HZ.
Result<session::CastTarget> parse_virtual(std::string_view text, std::string_view output) {
  const std::size_t at = output.find('@');
  const auto size = parse_size(output.substr(0, at));
  if (!size) return bad(text, "has no size for the virtual output (such as 1920x1080)");
  session::VirtualOutput target{.size = *size};
  if (at != std::string_view::npos) {
    const auto hz = whole_number<std::uint32_t>(output.substr(at + 1));
    if (!hz || *hz == 0 || *hz > 1000) return bad(text, "has no refresh rate after the @");
    target.refresh_hz = *hz;
  }
  return target;
}

Result<session::CastTarget> parse_output(std::string_view text, Rest rest) {
  if (!rest) return session::FirstOutput{};
  if (rest->empty()) return bad(text, "has nothing after the colon");
  if (const auto output = after(*rest, "virtual=")) return parse_virtual(text, *output);
  return session::NamedOutput{std::string(*rest)};
}

Result<SourceSpec> parse_kwin(std::string_view text, Rest rest) {
  if (const auto title = rest ? after(*rest, "window=") : std::nullopt) {
    return KwinSource{session::TitledWindow{std::string(*title)}};
  }
  auto target = parse_output(text, rest);
  if (!target) return tl::unexpected(std::move(target.error()));
  return KwinSource{std::move(*target)};
}

Result<SourceSpec> parse_mutter(std::string_view text, Rest rest) {
  if (rest && rest->starts_with("window=")) {
    return bad(text, "asks for a window, which Mutter casts only through the portal");
  }
  auto target = parse_output(text, rest);
  if (!target) return tl::unexpected(std::move(target.error()));
  return MutterSource{std::move(*target)};
}

struct ShareName {
  PortalShare share;
  std::string_view name;
};
constexpr std::array kShares = {ShareName{PortalShare::kMonitor, "monitor"},
                                ShareName{PortalShare::kWindow, "window"},
                                ShareName{PortalShare::kVirtual, "virtual"}};

Result<SourceSpec> parse_portal(std::string_view text, Rest rest) {
  if (!rest) return PortalSource{};
  const auto known = std::ranges::find(kShares, *rest, &ShareName::name);
  if (known == kShares.end()) return bad(text, "is nothing that a portal shares");
  return PortalSource{known->share};
}

struct Kind {
  std::string_view name;
  Parser parse;
};
constexpr std::array kKinds = {
    Kind{"auto", parse_auto},           Kind{"gamescope", parse_gamescope},
    Kind{"kwin", parse_kwin},           Kind{"mutter", parse_mutter},
    Kind{"node", parse_node},           Kind{"portal", parse_portal},
    Kind{"synthetic", parse_synthetic},
};

struct TargetText {
  std::string operator()(const session::FirstOutput&) const { return ""; }
  std::string operator()(const session::NamedOutput& output) const { return ":" + output.name; }
  std::string operator()(const session::TitledWindow& window) const {
    return ":window=" + window.title;
  }
  std::string operator()(const session::VirtualOutput& output) const {
    return fmt::format(":virtual={}x{}{}", output.size.width, output.size.height,
                       output.refresh_hz == 0 ? "" : fmt::format("@{}", output.refresh_hz));
  }
};

struct Text {
  std::string operator()(const AutoSource&) const { return "auto"; }
  std::string operator()(const NodeSource& node) const {
    if (const auto* id = std::get_if<NodeId>(&node.which)) {
      return fmt::format("node:id={}", id->value);
    }
    if (const auto* serial = std::get_if<NodeSerial>(&node.which)) {
      return fmt::format("node:serial={}", serial->value);
    }
    return "node:" + std::get<NodeName>(node.which).value;
  }
  std::string operator()(const SyntheticSpec& synthetic) const {
    return synthetic.spec.empty() ? "synthetic" : "synthetic:" + synthetic.spec;
  }
  std::string operator()(const GamescopeSource& gamescope) const {
    std::string text = "gamescope";
    if (gamescope.number != 0) text += fmt::format(":{}", gamescope.number);
    const Extent& largest = gamescope.largest;
    if (!largest.empty()) text += fmt::format(":size={}x{}", largest.width, largest.height);
    if (gamescope.app_id != 0) text += fmt::format(":app={}", gamescope.app_id);
    return text;
  }
  std::string operator()(const KwinSource& kwin) const {
    return "kwin" + std::visit(TargetText{}, kwin.target);
  }
  std::string operator()(const MutterSource& mutter) const {
    return "mutter" + std::visit(TargetText{}, mutter.target);
  }
  std::string operator()(const PortalSource& portal) const {
    const auto known = std::ranges::find(kShares, portal.share, &ShareName::share);
    return known == kShares.end() ? "portal" : fmt::format("portal:{}", known->name);
  }
};

}  // namespace

Result<SourceSpec> parse_source_spec(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto kind = std::ranges::find(kKinds, text.substr(0, colon), &Kind::name);
  if (kind == kKinds.end()) return bad(text, "is not a source");
  return kind->parse(text, colon == std::string_view::npos ? Rest() : text.substr(colon + 1));
}

std::string to_string(const SourceSpec& spec) { return std::visit(Text{}, spec); }

}  // namespace lumen
