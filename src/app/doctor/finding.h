// What doctor has found, one thing each. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lumen::doctor {

enum class Verdict : std::uint8_t {
  kGood,
  kNote,  // works with less, or is needed by some only
  kBad,   // to be put right
};

struct Finding {
  std::string area;  // "session"
  Verdict verdict = Verdict::kGood;
  std::string text;    // one line
  std::string advice;  // what to do; empty where nothing is
};
using Findings = std::vector<Finding>;

inline Finding good(std::string area, std::string text) {
  return {std::move(area), Verdict::kGood, std::move(text), {}};
}
inline Finding note(std::string area, std::string text, std::string advice) {
  return {std::move(area), Verdict::kNote, std::move(text), std::move(advice)};
}
inline Finding bad(std::string area, std::string text, std::string advice) {
  return {std::move(area), Verdict::kBad, std::move(text), std::move(advice)};
}

}  // namespace lumen::doctor
