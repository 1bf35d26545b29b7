// What the commands about a running host and about the configuration were asked. Plain values.
#pragma once

#include <cstdint>
#include <string>

namespace lumen {

enum class OutputFormat : std::uint8_t { kText, kJson };

struct StatusOptions {
  OutputFormat format = OutputFormat::kText;
  bool watch = false;  // again each second, until a signal
  std::string name;    // of the host; empty: the only one
};

struct CtlOptions {
  std::string request;  // as control/request.h has it
  OutputFormat format = OutputFormat::kText;
  std::string name;
};

enum class ConfigAction : std::uint8_t { kCheck, kShow };

struct ConfigOptions {
  ConfigAction action = ConfigAction::kCheck;
  std::string file;   // empty: the one that stream reads
  std::string setup;  // empty: none
};

struct DoctorOptions {
  OutputFormat format = OutputFormat::kText;
  std::string report;  // path of the report to write; empty: none
  std::string name;    // of the host whose service is looked at
};

}  // namespace lumen
