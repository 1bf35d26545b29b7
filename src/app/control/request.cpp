#include "app/control/request.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/options/nearest_name.h"
#include "app/status/event_log.h"

namespace lumen::control {
namespace {

using Json = nlohmann::ordered_json;

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string shown(text.substr(0, kLongest));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return "'" + shown + "'";
}

Result<std::string> text_at(const Json& object, const char* key, std::string_view example) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) return found->get<std::string>();
  return bad_request(fmt::format("\"{}\" has to be text", key), fmt::format("such as {}", example));
}

Result<Request> parse_add(const Json& object) {
  return text_at(object, "sink", R"({"method": "add-sink", "sink": "file:clip.mp4"})")
      .map([](std::string sink) -> Request { return AddSink{std::move(sink)}; });
}

Result<Request> parse_remove(const Json& object) {
  const auto id = object.find("id");
  if (id == object.end() || !id->is_number_unsigned() ||
      id->get<std::uint64_t>() > std::numeric_limits<unsigned>::max()) {
    return bad_request("\"id\" has to be the number of a sink",
                       R"(such as {"method": "remove-sink", "id": 2})");
  }
  return RemoveSink{id->get<unsigned>()};
}

Result<Request> parse_set_request(const Json& object) {
  std::array<std::string, 3> values;
  std::size_t at = 0;
  for (const char* key : {"bitrate", "codec", "size"}) {
    std::string& value = values[at++];
    if (!object.contains(key)) continue;
    auto text = text_at(object, key, R"({"method": "set", "bitrate": "10M"})");
    if (!text) return tl::unexpected(std::move(text.error()));
    value = std::move(*text);
  }
  return parse_set(values[0], values[1], values[2]).map([](Set set) -> Request { return set; });
}

struct Method {
  std::string_view name;
  Result<Request> (*parse)(const Json& object);
  std::array<std::string_view, 3> keys{};
};

constexpr Method kMethods[] = {
    {"status", [](const Json&) -> Result<Request> { return GetStatus{}; }},
    {"add-sink", parse_add, {"sink"}},
    {"remove-sink", parse_remove, {"id"}},
    {"set", parse_set_request, {"bitrate", "codec", "size"}},
    {"key-frame", [](const Json&) -> Result<Request> { return KeyFrame{}; }},
    {"start", [](const Json&) -> Result<Request> { return Start{}; }},
    {"stop", [](const Json&) -> Result<Request> { return Stop{}; }},
    {"reload", [](const Json&) -> Result<Request> { return Reload{}; }},
    {"quit", [](const Json&) -> Result<Request> { return Quit{}; }},
};

Result<const Method*> find_method(const Json& object) {
  auto name = text_at(object, "method", R"({"method": "status"})");
  if (!name) return tl::unexpected(std::move(name.error()));
  std::vector<std::string_view> names;
  for (const Method& method : kMethods) {
    if (method.name == *name) return &method;
    names.push_back(method.name);
  }
  const std::string_view near = nearest_name(*name, names);
  return bad_request(fmt::format("there is no method {}", in_quotes(*name)),
                     near.empty() ? fmt::format("one of {}", fmt::join(names, ", "))
                                  : fmt::format("did you mean '{}'?", near));
}

Result<void> check_keys(const Json& object, const Method& method) {
  for (const auto& [key, value] : object.items()) {
    if (key == "method" || key == "tag") continue;
    bool known = false;
    for (const std::string_view name : method.keys) known = known || (!key.empty() && key == name);
    if (!known) {
      return bad_request(fmt::format("{} has no {}", method.name, in_quotes(key)), "leave it out");
    }
  }
  return {};
}

Result<Request> parse(const Json& object) {
  const auto method = find_method(object);
  if (!method) return tl::unexpected(method.error());
  if (auto known = check_keys(object, **method); !known) return tl::unexpected(known.error());
  return (*method)->parse(object);
}

/// nlohmann's parser recurses: an object of ours is two deep.
bool is_deep(std::string_view line) {
  constexpr int kDeepest = 8;
  int depth = 0;
  for (const char c : line) {
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kDeepest) return true;
  }
  return false;
}

}  // namespace

TaggedRequest parse_request(std::string_view line) {
  constexpr std::string_view kExample = R"(such as {"method": "status"})";
  if (line.size() > kLongestRequest || is_deep(line)) {
    return {.tag = nullptr, .request = bad_request("that is no request", std::string(kExample))};
  }
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) {
    return {
        .tag = nullptr,
        .request = bad_request("a request is one JSON object on a line", std::string(kExample))};
  }
  Json tag;
  if (const auto found = object.find("tag"); found != object.end()) {
    if (!found->is_string() && !found->is_number()) {
      return {.tag = nullptr,
              .request = bad_request("\"tag\" has to be text or a number", "leave it out")};
    }
    tag = *found;
  }
  return {.tag = std::move(tag), .request = parse(object)};
}

std::string answer_line(const Json& tag, const Result<Json>& result) {
  Json answer = {{"ok", result.has_value()}};
  if (!tag.is_null()) answer["tag"] = tag;
  if (result) {
    answer["result"] = *result;
  } else {
    answer["error"] = {
        {"kind", reason_code(result.error().kind)},
        {"message", result.error().message},
        {"hint", result.error().hint.empty() ? Json(nullptr) : Json(result.error().hint)}};
  }
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lumen::control
