#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/doctor/checks.h"
#include "app/doctor/port_check.h"
#include "app/options/config_layers.h"
#include "app/options/config_secrets.h"
#include "app/options/encoding_plan.h"
#include "app/probe/questions.h"
#include "encode/encoder_registry.h"
#include "sink/sink_spec.h"
#include "sink/web/gst_peer.h"

namespace lumen::doctor {
namespace {

using probe::Json;

/// The pages that the file asks for; the usual one where it names no sink.
std::vector<WebSettings> pages(const StreamOptions& options) {
  std::vector<std::string> sinks = options.sinks;
  if (sinks.empty()) sinks.emplace_back("web");
  std::vector<WebSettings> pages;
  for (const std::string& text : sinks) {
    const auto spec = parse_sink_spec(text);
    if (!spec) continue;
    if (const auto* web = std::get_if<WebSettings>(&*spec)) pages.push_back(*web);
  }
  return pages;
}

}  // namespace

Findings check_permissions(const Json& machine) {
  Findings findings;
  for (const Json& node : probe::at(machine, "nodes")) {
    const std::string path = probe::text_at(node, "path");
    if (path.find("renderD") == std::string::npos) continue;
    if (probe::flag_at(node, "may_open")) {
      findings.push_back(
          good("gpu", fmt::format("{} ({}) may be opened", path, probe::text_at(node, "driver"))));
    } else {
      findings.push_back(bad("gpu", fmt::format("{} may not be opened", path),
                             fmt::format("sudo usermod -aG {} $USER, and log in again",
                                         probe::text_at(node, "group"))));
    }
  }
  for (const Json& gpu : probe::at(machine, "gpus")) {
    const std::string driver = probe::text_at(gpu, "driver");
    findings.push_back(good(
        "gpu", fmt::format("{} {}, driver {}", probe::text_at(gpu, "vendor"),
                           probe::text_at(gpu, "device_id"), driver.empty() ? "none" : driver)));
  }
  if (findings.empty()) {
    findings.push_back(note("gpu", "there is no GPU: pictures are copied by the CPU",
                            "'lumen-host zerocopy-probe' says what would spare it that"));
  }
  return findings;
}

Findings check_encoders() {
  std::vector<std::string> sections;
  for (const EncoderBackend& backend : encoder_backends()) {
    sections.push_back(fmt::format("encoder:{}:h264", backend.name));
  }
  const std::vector<Json> answers = probe::ask_processes(sections, probe::time_limit());
  Findings findings;
  bool any = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string name(encoder_backends()[i].name);
    if (probe::flag_at(answers[i], "ok")) {
      any = true;
      findings.push_back(
          good("encoder", fmt::format("{}: {}", name, probe::text_at(answers[i], "encoder"))));
      continue;
    }
    findings.push_back(note("encoder",
                            fmt::format("not {}: {}", name, probe::text_at(answers[i], "reason")),
                            probe::text_at(answers[i], "hint")));
  }
  if (!any) {
    findings.push_back(
        bad("encoder", "nothing here can encode H.264", "'lumen-host encoders' says why"));
  }
  return findings;
}

Findings check_web() {
  if (auto ready = web::prepare_gst_peers(); !ready) {
    return {bad("web", ready.error().message, ready.error().hint)};
  }
  return {good("web", "GStreamer has what WebRTC needs")};
}

Findings check_config(const ConfigLocation& location) {
  Findings findings;
  StreamOptions options;
  auto config = read_config(location.path, MissingFile::kIsEmpty);
  if (!config) {
    findings.push_back(bad("config", config.error().message, config.error().hint));
  } else {
    std::vector<std::string> setups{""};
    for (const ConfigSetup& setup : config->setups) setups.push_back(setup.name);
    for (const std::string& setup : setups) {
      StreamOptions tried;
      auto done = apply_config(location.path, *config, setup, tried).and_then([&] {
        return plan_encoding(tried).map([](const EncodingPlan&) {});
      });
      if (!done) findings.push_back(bad("config", done.error().message, done.error().hint));
      if (done && setup.empty()) options = tried;
    }
    const auto exposed = exposed_secret(location.path, *config);
    if (exposed) findings.push_back(bad("config", exposed->message, exposed->hint));
    if (findings.empty()) {
      const bool none = config->entries.empty() && config->setups.empty();
      findings.push_back(good(
          "config", none ? fmt::format("{} is absent or empty: defaults", location.path.string())
                         : fmt::format("{} is good, {} setups", location.path.string(),
                                       config->setups.size())));
    }
  }
  for (const WebSettings& page : pages(options)) findings.push_back(port_finding(page));
  return findings;
}

}  // namespace lumen::doctor
