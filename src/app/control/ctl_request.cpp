#include "app/control/ctl_request.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "app/control/request.h"
#include "app/options/nearest_name.h"
#include "sink/sink_spec.h"

namespace lumen::control {
namespace {

using Json = nlohmann::ordered_json;

struct Verb {
  std::string_view name;
  std::string_view value;  // what stands after it; empty: nothing
  std::string_view example;
};

constexpr Verb kVerbs[] = {
    {"add-sink", "SINK", "lumen-host ctl add-sink file:clip.mp4"},
    {"remove-sink", "ID", "lumen-host ctl remove-sink 2"},
    {"bitrate", "RATE", "lumen-host ctl bitrate 10M"},
    {"codec", "CODEC", "lumen-host ctl codec hevc"},
    {"size", "WxH", "lumen-host ctl size 1280x720"},
    {"key-frame", "", "lumen-host ctl key-frame"},
    {"start", "", "lumen-host ctl start"},
    {"stop", "", "lumen-host ctl stop"},
    {"reload", "", "lumen-host ctl reload"},
    {"quit", "", "lumen-host ctl quit"},
};

Result<const Verb*> find_verb(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Verb& verb : kVerbs) {
    if (verb.name == word) return &verb;
    names.push_back(verb.name);
  }
  const std::string_view near = nearest_name(word, names);
  return bad_request(fmt::format("ctl knows no '{}'", word),
                     near.empty() ? fmt::format("one of {}", fmt::join(names, ", "))
                                  : fmt::format("did you mean '{}'?", near));
}

// The host has a working directory of its own.
Result<Json> add_sink(std::string value) {
  auto spec = parse_sink_spec(value);
  if (!spec) return tl::unexpected(std::move(spec.error()));
  constexpr std::string_view kFile = "file:";
  if (std::holds_alternative<FileSettings>(*spec) && !value.starts_with("file:/") &&
      value != "file:-" && !value.starts_with("file:-?")) {
    std::error_code error;
    const auto here = std::filesystem::current_path(error);
    if (!error) value = std::string(kFile) + (here / value.substr(kFile.size())).string();
  }
  return Json{{"method", "add-sink"}, {"sink", value}};
}

Result<Json> remove_sink(std::string_view value) {
  std::uint32_t id = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), id);
  if (parsed.ec != std::errc{} || parsed.ptr != value.data() + value.size()) {
    return bad_request(fmt::format("'{}' is no sink's number", value),
                       "'lumen-host status' shows them");
  }
  return Json{{"method", "remove-sink"}, {"id", id}};
}

Result<Json> set(std::string_view key, const std::string& value) {
  auto good = parse_set(key == "bitrate" ? value : "", key == "codec" ? value : "",
                        key == "size" ? value : "");
  if (!good) return tl::unexpected(std::move(good.error()));
  return Json{{"method", "set"}, {std::string(key), value}};
}

}  // namespace

Result<Json> ctl_request(std::span<const std::string> words) {
  if (words.empty())
    return bad_request("what is the host to do?", "such as 'lumen-host ctl bitrate 10M'");
  const auto verb = find_verb(words.front());
  if (!verb) return tl::unexpected(verb.error());
  const auto& [name, value, example] = **verb;
  const std::size_t wanted = value.empty() ? 1 : 2;
  if (words.size() < wanted) {
    return bad_request(fmt::format("{} needs a value, {}", name, value), std::string(example));
  }
  if (words.size() > wanted) {
    return bad_request(fmt::format("unexpected argument '{}'", words[wanted]),
                       std::string(example));
  }
  if (value.empty()) return Json{{"method", name}};
  if (name == "add-sink") return add_sink(words[1]);
  if (name == "remove-sink") return remove_sink(words[1]);
  return set(name, words[1]);
}

}  // namespace lumen::control
