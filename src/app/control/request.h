// What is asked of a running host over its socket: one JSON object a line. Pure.
//
//   {"method": "status"}
//   {"method": "add-sink", "sink": "file:clip.mp4"}
//   {"method": "remove-sink", "id": 2}
//   {"method": "set", "bitrate": "10M", "codec": "hevc", "size": "1280x720"}   (one or several)
//   {"method": "key-frame"}, "start", "stop", "reload", "quit"
//
// Values are spelled as on the command line. A "tag" (text or a number) comes back in the answer:
//   {"ok": true, "result": …}
//   {"ok": false, "error": {"kind": "not_found", "message": …, "hint": …}}
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "app/pipeline/stream_change.h"
#include "core/error.h"

namespace lumen::control {

/// A longer line is no request.
inline constexpr std::size_t kLongestRequest = std::size_t{64} << 10;

/// kInvalidArgument, with what to write instead.
inline tl::unexpected<Error> bad_request(std::string message, std::string hint) {
  return fail(ErrorKind::kInvalidArgument, std::move(message), std::move(hint));
}

struct GetStatus {};
struct AddSink {
  std::string sink;
};
struct RemoveSink {
  unsigned id = 0;
};
struct Set {
  StreamChange change;
};
struct KeyFrame {};
struct Start {};
struct Stop {};
struct Reload {};
struct Quit {};
using Request =
    std::variant<GetStatus, AddSink, RemoveSink, Set, KeyFrame, Start, Stop, Reload, Quit>;

struct TaggedRequest {
  nlohmann::ordered_json tag;  // null: none
  Result<Request> request;     // kInvalidArgument with an example otherwise
};

/// Of any bytes.
TaggedRequest parse_request(std::string_view line);

/// Of values as the command line spells them; empty: left as it is.
Result<Set> parse_set(std::string_view bitrate, std::string_view codec, std::string_view size);

/// Without a line end; text that isn't UTF-8 is repaired.
std::string answer_line(const nlohmann::ordered_json& tag,
                        const Result<nlohmann::ordered_json>& result);

}  // namespace lumen::control
