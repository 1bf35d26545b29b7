// Whatever arrives at a host's control socket, and what is answered to it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "app/control/request.h"

using namespace lumen;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto asked = control::parse_request(line);
  if (!asked.request && asked.request.error().message.empty()) std::abort();
  if (asked.request && line.size() > control::kLongestRequest) std::abort();
  const auto answer = control::answer_line(
      asked.tag, asked.request ? Result<nlohmann::ordered_json>(nlohmann::ordered_json::object())
                               : tl::unexpected(asked.request.error()));
  // One line that any client can parse.
  if (answer.find('\n') != std::string::npos) std::abort();
  if (!nlohmann::json::accept(answer)) std::abort();
  return 0;
}
