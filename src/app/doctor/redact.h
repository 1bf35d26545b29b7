// Takes out of a text what is nobody else's business before it goes into a report. Pure.
#pragma once

#include <string>
#include <string_view>

namespace lumen::doctor {

struct Private {
  std::string home;  // "/home/anna"; empty: unknown
  std::string user;  // "anna"
  std::string host;  // this machine's name
};

/// The home folder becomes "~" and those of others "/home/USER"; user and host names as whole words
/// "USER" and "HOST"; the values of tokens, keys and passwords, the user part and the fragment of
/// URLs "REDACTED".
std::string redact(std::string_view text, const Private& known);

}  // namespace lumen::doctor
