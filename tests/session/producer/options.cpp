#include "options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "capture/synthetic/synthetic_settings.h"
#include "pods.h"

namespace lumen::producer {
namespace {

constexpr std::string_view kHelp = R"(lumen-test-producer: a PipeWire video source for tests

  --name NAME              node name (lumen-test-producer)
  --size WxH               (1920x1080)
  --fps N | N/D            (60)
  --frames N               good frames to send; 0: endless (0)
  --format LIST            BGRx BGRA RGBx RGBA NV12 xRGB_210LE ARGB_210LE xBGR_210LE ABGR_210LE,
                           one, or several joined by +, the preferred one first (BGRx)
  --color C                none pq hlg (none): what formats of ten bits say, which have a ramp of
                           1024 levels in the picture
  --memory M               memfd memptr dmabuf (memfd); dmabuf: udmabufs where a modifier was
                           negotiated, memfds where none was
  --framerate F            fixed variable (fixed)
  --buffers MIN,MAX        (2,16)
  --pts P                  header none minus1 (header)
  --damage D               none told lie (none): metadata about what changes; lie: the barcode only
  --cursor C               none beside alone (none): metadata about a pointer; alone: from the 31st
                           buffer on without pictures
  --modifiers LIST         none, or linear invalid tiled 0xHEX joined by +, the preferred one first
                           (none); with memfd they are announced and memfds delivered, as Weston
  --fixation F             producer consumer (producer): who picks one of them
  --plain P                yes no (yes): offer the format without a modifier, too
  --explicit-sync MS       with dmabufs: pictures are drawn MS milliseconds after they were sent, and
                           acquire and release points say when they may be read and drawn again
  --submit WHEN            drawn at-once (drawn): when an acquire point gets its fence
  --like C                 gamescope kwin mutter: sets what it offers; later options change it
  --linger S               seconds to keep the node after the last frame (0.5)
  --tell-times N           prints "frame NUMBER at NANOSECONDS" of every Nth frame
  --hostile LIST           repeatable; a comma list of
      zero-size                                every 7th buffer
      corrupted-header corrupted-chunk         every 5th buffer, in turn
      bad-stride bad-offset short-chunk        the same
      no-fd                                    every second buffer has no memory (not memptr)
      no-fds no-first-fds                      none has; none has in the first 0.3 s
      small-dmabuf fake-dmabuf                 every second one is of one page, or a memfd
      fake-syncobj                             what should be syncobjs are memfds
      foreign-modifier                         fixes a modifier that nobody offered
      zero-extent huge-extent                  impossible format
      recycle-fds                              new buffers every 60 frames
      resize=WxH@FRAME reformat=FMT@FRAME      once, in mid-stream
      pause=FRAMES@FRAME stall=FRAMES@FRAME
      flap=FRAME recycle=FRAME to-memfd=FRAME to-dmabuf=FRAME

Prints, a line each:
  ready node-id=N serial=M    a node exists
  streaming WxH FORMAT MEMORY MODIFIER
                              a consumer begins to receive, or the format was announced again
  paused                      it no longer does
  gone                        flap destroyed the node
  error WHY                   PipeWire reports one
  produced N skipped M bad K  the end: good frames sent, frame times without a free buffer or not
                              met, defective buffers sent besides
  explicit-sync sent N released M early K pending P
                              points sent, those that the consumer signalled, buffers that came
                              back before it had, and points sent with their fence)";

using Setter = std::function<bool(Options&, std::string_view)>;

bool parse_number(std::string_view text, auto& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

/// A setter for a fixed set of words.
template <typename T, std::size_t kCount>
Setter words(T NodeSettings::* field, std::array<std::pair<std::string_view, T>, kCount> table) {
  return [field, table](Options& options, std::string_view value) {
    const auto found = std::ranges::find_if(table, [&](const auto& e) { return e.first == value; });
    if (found == table.end()) return false;
    options.node.*field = found->second;
    return true;
  };
}

bool set_size(Options& options, std::string_view value) {
  const auto parsed = parse_synthetic_spec(value);
  if (!parsed || value.empty() || value.find('@') != std::string_view::npos) return false;
  options.node.size = parsed->size;
  return true;
}

bool set_rate(Options& options, std::string_view value) {
  const auto parsed = parse_synthetic_spec(fmt::format("@{}", value));
  if (!parsed) return false;
  options.node.rate = parsed->rate;
  return true;
}

bool set_buffers(Options& options, std::string_view value) {
  const std::size_t comma = std::min(value.find(','), value.size());
  const std::string_view most = value.substr(std::min(comma + 1, value.size()));
  return parse_number(value.substr(0, comma), options.node.least_buffers) &&
         parse_number(most, options.node.most_buffers) && options.node.least_buffers > 0 &&
         options.node.least_buffers <= options.node.most_buffers && options.node.most_buffers <= 64;
}

bool set_formats(Options& options, std::string_view value) {
  std::vector<Fourcc> formats;
  for (std::string_view rest = value; !rest.empty();) {
    const std::size_t plus = std::min(rest.find('+'), rest.size());
    formats.push_back(parse_format_name(rest.substr(0, plus)));
    if (formats.back() == Fourcc::kNone) return false;
    rest.remove_prefix(std::min(plus + 1, rest.size()));
  }
  if (formats.empty()) return false;
  options.node.format = formats.front();
  options.node.others.assign(formats.begin() + 1, formats.end());
  return true;
}

bool set_modifiers(Options& options, std::string_view value) {
  std::vector<Modifier> modifiers;
  for (std::string_view rest = value; value != "none" && !rest.empty();) {
    const std::size_t plus = std::min(rest.find('+'), rest.size());
    const std::string_view word = rest.substr(0, plus);
    rest.remove_prefix(std::min(plus + 1, rest.size()));
    Modifier modifier;
    if (word == "invalid") {
      modifier = kModifierInvalid;
    } else if (word == "tiled") {
      modifier = kModifierTiled;
    } else if (word.starts_with("0x")) {
      const auto [end, error] =
          std::from_chars(word.data() + 2, word.data() + word.size(), modifier.value, 16);
      if (error != std::errc{} || end != word.data() + word.size()) return false;
    } else if (word != "linear") {
      return false;
    }
    modifiers.push_back(modifier);
  }
  options.node.modifiers = std::move(modifiers);
  return true;
}

/// What compositors offer, as their sources and our own runs have it.
bool set_likeness(Options& options, std::string_view value) {
  NodeSettings& node = options.node;
  node.memory = Memory::kDmaBuf;
  node.rate_offer = RateOffer::kVariable;
  node.fixation = Fixation::kProducer;
  node.plain = PlainTwin::kOffered;
  if (value == "gamescope") {
    node.name = "gamescope";
    node.modifiers = {kModifierLinear};
    node.fixation = Fixation::kConsumer;
    node.pts = Pts::kMinusOne;
    node.least_buffers = 1;
    node.most_buffers = 8;
    return true;
  }
  if (value == "kwin") {
    node.format = Fourcc::kBGRA;
    node.modifiers = {kModifierLinear, kModifierInvalid};
    node.least_buffers = 2;
    node.most_buffers = 4;
    return true;
  }
  node.modifiers = {kModifierLinear};
  node.least_buffers = 2;
  node.most_buffers = 16;
  return value == "mutter";
}

bool set_explicit_sync(Options& options, std::string_view value) {
  unsigned milliseconds = 0;
  if (!parse_number(value, milliseconds) || milliseconds > 10'000) return false;
  options.node.explicit_sync = std::chrono::milliseconds(milliseconds);
  return true;
}

bool set_linger(Options& options, std::string_view value) {
  double seconds = 0;
  if (!parse_number(value, seconds) || !(seconds >= 0 && seconds <= 3600)) return false;
  options.linger = std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(seconds));
  return true;
}

struct Flag {
  std::string_view name;
  Setter set;
};

const std::array<Flag, 20>& flags() {
  static const std::array<Flag, 20> kFlags{{
      {"--name", [](Options& o, std::string_view v) { return !(o.node.name = v).empty(); }},
      {"--size", set_size},
      {"--fps", set_rate},
      {"--frames", [](Options& o, std::string_view v) { return parse_number(v, o.frames); }},
      {"--format", set_formats},
      {"--color", words<ColorOffer, 3>(&NodeSettings::color, {{{"none", ColorOffer::kNone},
                                                               {"pq", ColorOffer::kPq},
                                                               {"hlg", ColorOffer::kHlg}}})},
      {"--memory", words<Memory, 3>(&NodeSettings::memory, {{{"memfd", Memory::kMemFd},
                                                             {"memptr", Memory::kMemPtr},
                                                             {"dmabuf", Memory::kDmaBuf}}})},
      {"--framerate",
       words<RateOffer, 2>(&NodeSettings::rate_offer,
                           {{{"fixed", RateOffer::kFixed}, {"variable", RateOffer::kVariable}}})},
      {"--buffers", set_buffers},
      {"--pts", words<Pts, 3>(&NodeSettings::pts, {{{"header", Pts::kHeader},
                                                    {"none", Pts::kNone},
                                                    {"minus1", Pts::kMinusOne}}})},
      {"--damage", words<DamageReport, 3>(&NodeSettings::damage, {{{"none", DamageReport::kNone},
                                                                   {"told", DamageReport::kTold},
                                                                   {"lie", DamageReport::kLie}}})},
      {"--cursor",
       words<CursorReport, 3>(&NodeSettings::cursor, {{{"none", CursorReport::kNone},
                                                       {"beside", CursorReport::kBeside},
                                                       {"alone", CursorReport::kAlone}}})},
      {"--modifiers", set_modifiers},
      {"--fixation", words<Fixation, 2>(
                         &NodeSettings::fixation,
                         {{{"producer", Fixation::kProducer}, {"consumer", Fixation::kConsumer}}})},
      {"--plain", words<PlainTwin, 2>(&NodeSettings::plain,
                                      {{{"yes", PlainTwin::kOffered}, {"no", PlainTwin::kNone}}})},
      {"--explicit-sync", set_explicit_sync},
      {"--submit",
       words<Submission, 2>(&NodeSettings::submission,
                            {{{"drawn", Submission::kDrawn}, {"at-once", Submission::kAtOnce}}})},
      {"--like", set_likeness},
      {"--linger", set_linger},
      {"--tell-times",
       [](Options& o, std::string_view v) { return parse_number(v, o.tell_every); }},
  }};
  return kFlags;
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorKind::kInvalidArgument, std::move(message), "see --help");
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--help") return fail(ErrorKind::kCancelled, std::string(kHelp));
    if (i + 1 == argc) return refuse(fmt::format("{} needs a value", name));
    const std::string_view value = argv[i + 1];
    if (name == "--hostile") {
      if (auto added = options.personality.add(value); !added) {
        return tl::unexpected<Error>(added.error());
      }
      continue;
    }
    const auto flag = std::ranges::find(flags(), name, &Flag::name);
    if (flag == flags().end()) return refuse(fmt::format("{} is not known", name));
    if (!flag->set(options, value)) return refuse(fmt::format("{}: bad value \"{}\"", name, value));
  }
  options.node.extent = options.personality.extent;
  options.node.descriptors = options.personality.descriptors;
  options.node.modifier_trick = options.personality.modifier_trick;
  options.node.syncobjs = options.personality.syncobjs;
  return options;
}

}  // namespace lumen::producer
