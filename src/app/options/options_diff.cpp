#include "app/options/options_diff.h"

#include <algorithm>
#include <iterator>

namespace lumen {
namespace {

enum class Change { kLive, kFixed };

struct Field {
  std::string_view name;
  Change change;
  bool (*same)(const StreamOptions& a, const StreamOptions& b);
  void (*copy)(const StreamOptions& from, StreamOptions& to);
};

template <auto kMember>
constexpr Field field(std::string_view name, Change change) {
  return {name, change,
          [](const StreamOptions& a, const StreamOptions& b) { return a.*kMember == b.*kMember; },
          [](const StreamOptions& from, StreamOptions& to) { to.*kMember = from.*kMember; }};
}

template <auto kMember>
constexpr Field adaptation(std::string_view name) {
  return {name, Change::kLive,
          [](const StreamOptions& a, const StreamOptions& b) {
            return a.adaptation.*kMember == b.adaptation.*kMember;
          },
          [](const StreamOptions& from, StreamOptions& to) {
            to.adaptation.*kMember = from.adaptation.*kMember;
          }};
}

constexpr Field kFields[] = {
    field<&StreamOptions::source>("source", Change::kFixed),
    field<&StreamOptions::cursor>("cursor", Change::kFixed),
    field<&StreamOptions::audio>("audio", Change::kFixed),
    field<&StreamOptions::codec>("codec", Change::kLive),
    field<&StreamOptions::encoder>("encoder", Change::kFixed),
    field<&StreamOptions::quality>("quality", Change::kLive),
    field<&StreamOptions::bitrate_bps>("bitrate", Change::kLive),
    field<&StreamOptions::qp>("qp", Change::kLive),
    field<&StreamOptions::vbv_frames>("vbv", Change::kLive),
    field<&StreamOptions::key_interval>("key-interval", Change::kFixed),
    field<&StreamOptions::preset>("preset", Change::kLive),
    field<&StreamOptions::recovery>("recovery", Change::kFixed),
    field<&StreamOptions::refresh_frames>("refresh-frames", Change::kFixed),
    field<&StreamOptions::slices>("slices", Change::kFixed),
    field<&StreamOptions::sub_frame>("sub-frame", Change::kFixed),
    field<&StreamOptions::entropy>("entropy", Change::kFixed),
    field<&StreamOptions::profile>("profile", Change::kFixed),
    field<&StreamOptions::level>("level", Change::kFixed),
    field<&StreamOptions::chroma>("chroma", Change::kFixed),
    field<&StreamOptions::bit_depth>("bit-depth", Change::kFixed),
    field<&StreamOptions::in_place>("in-place", Change::kFixed),
    field<&StreamOptions::use_damage>("damage", Change::kFixed),
    adaptation<&AdaptationSettings::enabled>("adapt"),
    adaptation<&AdaptationSettings::lowest_bitrate_bps>("adapt-bitrate"),
    adaptation<&AdaptationSettings::few_bits>("adapt-bits"),
    adaptation<&AdaptationSettings::high_pressure>("adapt-pressure"),
    adaptation<&AdaptationSettings::peak_pressure>("adapt-peak"),
    adaptation<&AdaptationSettings::window>("adapt-window"),
    adaptation<&AdaptationSettings::low_pressure>("adapt-room"),
    adaptation<&AdaptationSettings::patience>("adapt-patience"),
    adaptation<&AdaptationSettings::longest_patience>("adapt-longest-patience"),
    field<&StreamOptions::fps>("fps", Change::kFixed),
    field<&StreamOptions::size>("size", Change::kLive),
    field<&StreamOptions::zerocopy>("zerocopy", Change::kFixed),
    field<&StreamOptions::wait_for_source>("wait", Change::kFixed),
    field<&StreamOptions::notify>("notify", Change::kFixed),
    field<&StreamOptions::frames>("frames", Change::kFixed),
    field<&StreamOptions::duration>("duration", Change::kFixed),
    field<&StreamOptions::sdp_path>("sdp", Change::kFixed),
    field<&StreamOptions::mirror>("mirror", Change::kFixed),
    field<&StreamOptions::show_qr>("qr", Change::kFixed),
    field<&StreamOptions::host_name>("name", Change::kFixed),
    field<&StreamOptions::trace_path>("trace", Change::kFixed),
    field<&StreamOptions::stats>("stats", Change::kFixed),
    field<&StreamOptions::verbosity>("verbose", Change::kLive),
};

std::vector<std::string> only_in(const std::vector<std::string>& a,
                                 const std::vector<std::string>& b) {
  std::vector<std::string> rest = b;
  std::vector<std::string> only;
  for (const std::string& one : a) {
    const auto twin = std::ranges::find(rest, one);
    if (twin == rest.end()) {
      only.push_back(one);
    } else {
      rest.erase(twin);
    }
  }
  return only;
}

}  // namespace

OptionsDiff diff_options(const StreamOptions& before, const StreamOptions& after) {
  OptionsDiff diff;
  for (const Field& one : kFields) {
    if (one.same(before, after)) continue;
    (one.change == Change::kLive ? diff.live : diff.fixed).push_back(one.name);
  }
  diff.sinks_added = only_in(after.sinks, before.sinks);
  diff.sinks_removed = only_in(before.sinks, after.sinks);
  return diff;
}

void copy_live_changes(const StreamOptions& before, const StreamOptions& after, StreamOptions& to) {
  for (const Field& one : kFields) {
    if (one.change == Change::kLive && !one.same(before, after)) one.copy(after, to);
  }
  // Set by adapt-bits, too.
  if (before.adaptation.few_bits != after.adaptation.few_bits) {
    to.adaptation.enough_bits = after.adaptation.enough_bits;
  }
}

}  // namespace lumen
