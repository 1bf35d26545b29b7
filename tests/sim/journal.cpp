#include "journal.h"

#include <charconv>
#include <cstdlib>
#include <utility>

#if defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif

namespace lumen::sim {
namespace {

template <typename Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

thread_local std::string last_call;

#if defined(_WIN32)
constexpr const char* kAppend = "a";
int thread_number() { return static_cast<int>(::GetCurrentThreadId()); }
#else
constexpr const char* kAppend = "ae";
int thread_number() { return ::gettid(); }
#endif

}  // namespace

Journal::Journal(std::string product, const std::string& prefix) : product_(std::move(product)) {
  if (const char* rules = std::getenv((prefix + "_FAIL").c_str()); rules != nullptr) {
    if (!set_fail(rules)) {
      std::fprintf(stderr, "%s: %s_FAIL=%s is not understood\n", product_.c_str(), prefix.c_str(),
                   rules);
      std::abort();
    }
  }
  if (const char* path = std::getenv((prefix + "_TRACE").c_str()); path != nullptr) {
    trace_.reset(std::fopen(path, kAppend));
  }
  const char* strict = std::getenv((prefix + "_STRICT").c_str());
  strict_ = strict != nullptr && std::string_view(strict) == "1";
}

std::optional<int> Journal::enter(std::string_view name) {
  last_call = name;
  ++total_;
  auto entry = calls_.find(name);
  if (entry == calls_.end()) entry = calls_.emplace(name, 0).first;
  const std::uint64_t count = ++entry->second;
  for (const Rule& rule : rules_) {
    if (rule.name != "*" && rule.name != name) continue;
    const std::uint64_t now = rule.name == "*" ? total_ : count;
    if (now == rule.from || (rule.and_later && now > rule.from)) return rule.code;
  }
  return std::nullopt;
}

void Journal::leave(std::string_view name, int result) {
  if (trace_ == nullptr) return;
  std::fprintf(trace_.get(), "%d %.*s %d\n", thread_number(), static_cast<int>(name.size()),
               name.data(), result);
  std::fflush(trace_.get());
}

std::optional<std::vector<Journal::Rule>> Journal::parse(std::string_view text) {
  std::vector<Rule> rules;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(one.size() == text.size() ? one.size() : one.size() + 1);
    const std::size_t at = one.find('@');
    const std::size_t equals = one.find('=');
    if (at == std::string_view::npos || equals == std::string_view::npos || equals < at) {
      return std::nullopt;
    }
    Rule rule;
    rule.name = one.substr(0, at);
    std::string_view from = one.substr(at + 1, equals - at - 1);
    if (from.ends_with('+')) {
      rule.and_later = true;
      from.remove_suffix(1);
    }
    int code = 0;
    if (!parse_number(from, rule.from) || !parse_number(one.substr(equals + 1), code) || code < 0 ||
        code > 999) {
      return std::nullopt;
    }
    rule.code = code;
    rules.push_back(std::move(rule));
  }
  return rules;
}

bool Journal::set_fail(std::string_view rules) {
  auto parsed = parse(rules);
  if (!parsed) return false;
  rules_ = std::move(*parsed);
  return true;
}

std::uint64_t Journal::calls(std::string_view name) const {
  if (name == "*") return total_;
  const auto entry = calls_.find(name);
  return entry == calls_.end() ? 0 : entry->second;
}

void Journal::violation(const std::string& text) {
  violations_.push_back(last_call + ": " + text);
  if (trace_ != nullptr) {
    std::fprintf(trace_.get(), "violation %s\n", violations_.back().c_str());
    std::fflush(trace_.get());
  }
  if (!strict_) return;
  std::fprintf(stderr, "%s: violation: %s\n", product_.c_str(), violations_.back().c_str());
  std::abort();
}

std::string Journal::violations() const {
  std::string text;
  for (const std::string& one : violations_) text += one + '\n';
  return text;
}

void Journal::reset() {
  calls_.clear();
  total_ = 0;
  rules_.clear();
  violations_.clear();
}

}  // namespace lumen::sim
