// lumen-host commands that report about the machine, in a private session.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "in_session.h"

namespace lumen::session {

class Report : public InSession {
 protected:
  static constexpr Milliseconds kPatience{60000};
  using Json = nlohmann::json;

  /// Standard output of a command that must end well.
  std::string report(const std::string& command, std::vector<std::string> args,
                     const Environment& env = {}) {
    args.insert(args.begin(), {LUMEN_HOST_BINARY, command});
    auto process = session->spawn(args, StandardOutput::kPipe, env);
    EXPECT_TRUE(process) << process.error().describe();
    if (!process) return {};
    const auto output = process->read_all(kPatience);
    EXPECT_TRUE(output) << output.error().describe();
    const auto ending = process->wait(kPatience);
    EXPECT_TRUE(ending && ending->clean()) << process->log_text();
    return output.value_or("");
  }
  Json report_json(const std::string& command, const Environment& env = {}) {
    auto parsed = Json::parse(report(command, {"--json"}, env), nullptr, false);
    EXPECT_TRUE(parsed.is_object());
    return parsed.is_object() ? parsed : Json::object();
  }
  /// A driver that does `how`: crash, abort, hang, refuse.
  static Environment with_broken_cuda(const std::string& how) {
    return {{"LD_LIBRARY_PATH", std::filesystem::path(LUMEN_BROKEN_CUDA).parent_path()},
            {"LUMEN_TEST_CUINIT", how}};
  }
};

}  // namespace lumen::session
