#include "app/probe/encoders_text.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/probe/text_table.h"

namespace lumen::probe {
namespace {

std::string codec_title(std::string_view codec) {
  if (codec == "h264") return "H.264";
  return codec == "hevc" ? "HEVC" : "AV1";
}

std::string joined(const Json& list) {
  std::string text;
  for (const Json& one : list) {
    if (one.is_string()) text += (text.empty() ? "" : ", ") + one.get<std::string>();
  }
  return text;
}

std::string abilities(const Json& encoder) {
  std::string text;
  for (const auto& [key, words] : {std::pair{"change_bitrate", "changes its bit rate"},
                                   {"change_size", "changes its size"},
                                   {"damage", "spends no time on what has not changed"},
                                   {"sub_frame", "hands out slices early"}}) {
    if (flag_at(encoder, key)) text += (text.empty() ? "" : ", ") + std::string(words);
  }
  return text;
}

void write_encoder(TextTable& table, const Json& encoder) {
  const std::string backend = text_at(encoder, "backend");
  if (!flag_at(encoder, "ok")) {
    const std::string hint = text_at(encoder, "hint");
    table.row(backend, false, text_at(encoder, "reason") + (hint.empty() ? "" : "; " + hint));
    return;
  }
  const Json& largest = at(encoder, "largest");
  std::string what =
      fmt::format("{}, reads {}", text_at(encoder, "encoder"), text_at(encoder, "reads"));
  if (largest.is_array()) {
    what += fmt::format(", up to {}x{}", largest[0].dump(), largest[1].dump());
  }
  table.row(backend, true, what);
  table.more("formats: " + joined(at(encoder, "formats")));
  table.more("losses: " + joined(at(encoder, "recovery")));
  if (const std::string able = abilities(encoder); !able.empty()) table.more(able);
}

std::string summary(const Json& report) {
  std::vector<std::pair<std::string, std::string>> takers;  // backend, codecs
  for (const auto& [codec, backend] : at(report, "auto").items()) {
    if (!backend.is_string()) continue;
    const auto name = backend.get<std::string>();
    if (takers.empty() || takers.back().first != name) {
      takers.emplace_back(name, codec_title(codec));
    } else {
      takers.back().second += ", " + codec_title(codec);
    }
  }
  if (takers.empty()) {
    return "Nothing can encode here: install libx264, or the NVIDIA driver with its encode "
           "library.";
  }
  std::string takes;
  bool chip = false;
  for (const auto& [name, codecs] : takers) {
    chip = chip || name != "software";
    takes += fmt::format("{}{} for {}", takes.empty() ? "" : "; ", name, codecs);
  }
  return fmt::format("--encoder auto takes {}{}.", takes,
                     chip ? ""
                          : "; an NVIDIA GPU with an encoder and its driver (libnvidia-encode1) "
                            "would spare the CPU");
}

}  // namespace

std::string encoders_text(const Json& report, TextStyle style) {
  TextTable table(style);
  std::string codec;
  for (const Json& encoder : at(report, "encoders")) {
    if (const std::string next = text_at(encoder, "codec"); next != codec) {
      codec = next;
      table.section(codec_title(codec));
    }
    write_encoder(table, encoder);
  }
  table.paragraph(summary(report));
  return table.text();
}

}  // namespace lumen::probe
