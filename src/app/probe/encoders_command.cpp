#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/probe/encoders_text.h"
#include "app/probe/questions.h"
#include "app/stream_command.h"
#include "encode/encoder_registry.h"

namespace lumen {
namespace {

using probe::Json;

/// Codec by codec, so that a GPU's few sessions suffice.
Json try_all() {
  Json encoders = Json::array();
  Json chosen = Json::object();
  for (const Codec codec : {Codec::kH264, Codec::kHevc, Codec::kAv1}) {
    const std::string codec_name(to_string(codec));
    std::vector<std::string> sections;
    for (const EncoderBackend& backend : encoder_backends()) {
      sections.push_back(fmt::format("encoder:{}:{}", backend.name, codec_name));
    }
    const std::vector<Json> answers = probe::ask_processes(sections, probe::time_limit());
    chosen[codec_name] = nullptr;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const std::string name(encoder_backends()[i].name);
      Json entry = {{"codec", codec_name}, {"backend", name}};
      entry.update(answers[i]);
      if (probe::flag_at(entry, "ok") && chosen[codec_name].is_null()) chosen[codec_name] = name;
      encoders.push_back(std::move(entry));
    }
  }
  return {{"version", 1}, {"encoders", std::move(encoders)}, {"auto", std::move(chosen)}};
}

}  // namespace

ExitCode run_encoders(const EncodersOptions& options) {
  probe::let_signals_end_us();
  const Json report = try_all();
  if (options.format == OutputFormat::kJson) {
    fmt::print("{}\n", report.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{}", probe::encoders_text(report, probe::style_of_stdout()));
  }
  return std::fflush(stdout) == 0 ? ExitCode::kOk : ExitCode::kOutputFailed;
}

}  // namespace lumen
