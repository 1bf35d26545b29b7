// What was called, what was done wrong, and which calls are told to fail, for every stand-in.
// Guarded by the caller (the simulator's mutex).
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lumen::sim {

class Journal {
 public:
  /// Reads PREFIX_FAIL, _TRACE and _STRICT. `product`, "CUDA stand-in", begins what is printed.
  Journal(std::string product, const std::string& prefix);

  /// Counts a call of `name` and returns what it is told to fail with.
  std::optional<int> enter(std::string_view name);
  void leave(std::string_view name, int result);

  /// Replaces the rules: "NAME@N=CODE" fails the Nth call since the last reset(), "NAME@N+=CODE"
  /// that and all later ones; a comma between rules; NAME * counts every call. False: not
  /// understood, and nothing is changed.
  bool set_fail(std::string_view rules);

  /// Calls since the last reset(). "*" is all.
  [[nodiscard]] std::uint64_t calls(std::string_view name) const;

  /// The caller broke a rule of the API in the call that this thread made last. Aborts where
  /// PREFIX_STRICT is 1.
  void violation(const std::string& text);
  [[nodiscard]] std::string violations() const;  // one a line
  [[nodiscard]] std::size_t violation_count() const { return violations_.size(); }

  /// Forgets counts, rules (also those of the environment) and violations.
  void reset();

 private:
  struct Rule {
    std::string name;
    std::uint64_t from = 0;
    bool and_later = false;
    int code = 0;
  };
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  static std::optional<std::vector<Rule>> parse(std::string_view rules);

  std::map<std::string, std::uint64_t, std::less<>> calls_;
  std::uint64_t total_ = 0;
  std::vector<Rule> rules_;
  std::vector<std::string> violations_;
  std::string product_;
  std::unique_ptr<std::FILE, CloseFile> trace_;
  bool strict_ = false;
};

}  // namespace lumen::sim
