#include "personality.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "capture/synthetic/synthetic_settings.h"
#include "pods.h"

namespace lumen::producer {
namespace {

constexpr std::uint32_t kRecycleEvery = 60;  // frames

struct NamedDefect {
  std::string_view name;
  Defect defect;
};
constexpr std::array kDefects = {
    NamedDefect{"zero-size", Defect::kZeroSize},
    NamedDefect{"corrupted-header", Defect::kCorruptedHeader},
    NamedDefect{"corrupted-chunk", Defect::kCorruptedChunk},
    NamedDefect{"bad-stride", Defect::kBadStride},
    NamedDefect{"bad-offset", Defect::kBadOffset},
    NamedDefect{"short-chunk", Defect::kShortChunk},
};

struct NamedAction {
  std::string_view name;
  Action::Kind kind;
};
constexpr std::array kActions = {
    NamedAction{"to-memfd", Action::Kind::kToMemFd},
    NamedAction{"to-dmabuf", Action::Kind::kToDmaBuf},
    NamedAction{"resize", Action::Kind::kResize},
    NamedAction{"reformat", Action::Kind::kReformat},
    NamedAction{"pause", Action::Kind::kPause},
    NamedAction{"stall", Action::Kind::kStall},
    NamedAction{"flap", Action::Kind::kFlap},
    NamedAction{"recycle", Action::Kind::kRecycle},
};

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

tl::unexpected<Error> bad_word(std::string_view word) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("--hostile: \"{}\" is not known", word));
}

/// KIND=WHAT@FRAME, or KIND=FRAME where the kind needs no more.
Result<Action> parse_action(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return bad_word(word);
  const auto named = std::ranges::find(kActions, word.substr(0, equals), &NamedAction::name);
  if (named == kActions.end()) return bad_word(word);

  const std::string_view value = word.substr(equals + 1);
  const std::size_t at = value.find('@');
  const bool has_what = at != std::string_view::npos;
  const std::string_view what = has_what ? value.substr(0, at) : std::string_view{};
  const auto frame = parse_number(has_what ? value.substr(at + 1) : value);
  if (!frame) return bad_word(word);

  Action action{.kind = named->kind, .at_frame = *frame, .size = {}};
  switch (action.kind) {
    case Action::Kind::kResize: {
      const auto parsed = parse_synthetic_spec(what);
      if (!parsed || what.empty()) return bad_word(word);
      action.size = parsed->size;
      break;
    }
    case Action::Kind::kReformat:
      action.format = parse_format_name(what);
      if (action.format == Fourcc::kNone) return bad_word(word);
      break;
    case Action::Kind::kPause:
    case Action::Kind::kStall:
      action.frames = parse_number(what).value_or(0);
      if (action.frames == 0) return bad_word(word);
      break;
    case Action::Kind::kFlap:
    case Action::Kind::kRecycle:
    case Action::Kind::kToMemFd:
    case Action::Kind::kToDmaBuf:
      if (has_what) return bad_word(word);
      break;
  }
  return action;
}

}  // namespace

Result<void> Personality::add(std::string_view words) {
  while (!words.empty()) {
    const std::size_t comma = std::min(words.find(','), words.size());
    const std::string_view word = words.substr(0, comma);
    words.remove_prefix(std::min(comma + 1, words.size()));

    const auto defect = std::ranges::find(kDefects, word, &NamedDefect::name);
    if (defect != kDefects.end()) {
      defects.push_back(defect->defect);
    } else if (word == "no-fd") {
      descriptors = Descriptors::kSomeMissing;
    } else if (word == "no-fds") {
      descriptors = Descriptors::kAllMissing;
    } else if (word == "no-first-fds") {
      descriptors = Descriptors::kFirstMissing;
    } else if (word == "small-dmabuf") {
      descriptors = Descriptors::kSomeSmall;
    } else if (word == "fake-dmabuf") {
      descriptors = Descriptors::kSomeFake;
    } else if (word == "fake-syncobj") {
      syncobjs = Syncobjs::kFake;
    } else if (word == "foreign-modifier") {
      modifier_trick = ModifierTrick::kForeign;
    } else if (word == "zero-extent") {
      extent = ExtentTrick::kZero;
    } else if (word == "huge-extent") {
      extent = ExtentTrick::kHuge;
    } else if (word == "recycle-fds") {
      recycle_every = kRecycleEvery;
    } else {
      const Result<Action> action = parse_action(word);
      if (!action) return tl::unexpected<Error>(action.error());
      actions.push_back(*action);
    }
  }
  std::ranges::stable_sort(actions, {}, &Action::at_frame);
  return {};
}

Defect Personality::defect_of(std::uint64_t buffer) const {
  std::vector<Defect> others = defects;
  const bool zero_size = std::erase(others, Defect::kZeroSize) > 0;
  if (zero_size && buffer % 7 == 6) return Defect::kZeroSize;
  if (others.empty() || buffer % 5 != 4) return Defect::kNone;
  return others[buffer / 5 % others.size()];
}

}  // namespace lumen::producer
