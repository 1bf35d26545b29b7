#include "zerocopy/selftest/proof_cache.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "platform/linux/private_files.h"

namespace lumen::selftest {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "lumen self-test 1";
constexpr std::size_t kMostBytes = 64 * 1024;

/// As one line: whatever a driver calls itself.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string header_of(const ProofSubject& subject) {
  return fmt::format("{}\nroute {}\ngpu {}\ndriver {}\nmakers {}\nkernel {}\nlumen {}\n",
                     kFirstLine, one_line(subject.route), one_line(subject.gpu),
                     one_line(subject.driver), one_line(subject.makers), one_line(subject.kernel),
                     one_line(subject.lumen));
}

/// "works 0x0 vulkan" or "fails 0x… vulkan why".
std::optional<ModifierProof> row_of(const std::string& line) {
  std::istringstream words(line);
  std::string verdict;
  std::string number;
  ModifierProof row;
  if (!(words >> verdict >> number) || !number.starts_with("0x")) return std::nullopt;
  if (verdict != "works" && verdict != "fails") return std::nullopt;
  std::uint64_t value = 0;
  const auto* const end = number.data() + number.size();
  const auto read = std::from_chars(number.data() + 2, end, value, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  row.modifier = Modifier{value};
  row.works = verdict == "works";
  row.certain = true;
  words >> row.maker;
  std::getline(words >> std::ws, row.reason);
  return row;
}

}  // namespace

ProofSubject of_depth(ProofSubject subject, unsigned bits) {
  if (bits != 8) subject.route += fmt::format(" {} bits", bits);
  return subject;
}

fs::path ProofCache::file_of(const ProofSubject& subject) const {
  std::string name = subject.route;
  std::ranges::replace_if(name, [](char c) { return c == '/' || c == ' ' || c == '.'; }, '-');
  return folder_ / (name + ".selftest");
}

std::optional<Proof> ProofCache::find(const ProofSubject& subject,
                                      std::span<const Modifier> offered) const {
  if (subject.driver.empty()) return std::nullopt;
  const auto text = read_small_file(file_of(subject), kMostBytes);
  const std::string header = header_of(subject);
  if (!text || !text->starts_with(header)) return std::nullopt;
  Proof proof;
  std::istringstream lines(text->substr(header.size()));
  for (std::string line; std::getline(lines, line);) {
    auto row = row_of(line);
    if (!row) return std::nullopt;
    proof.modifiers.push_back(std::move(*row));
  }
  if (!std::ranges::equal(proof.modifiers, offered, {}, &ModifierProof::modifier)) {
    return std::nullopt;
  }
  if (!proof.failure().empty()) return std::nullopt;
  return proof;
}

Result<void> ProofCache::keep(const ProofSubject& subject, const Proof& proof) const {
  if (subject.driver.empty()) return {};
  if (!proof.failure().empty() || !std::ranges::all_of(proof.modifiers, &ModifierProof::certain)) {
    std::error_code ignored;  // there may be none
    fs::remove(file_of(subject), ignored);
    return {};
  }
  std::string text = header_of(subject);
  for (const ModifierProof& row : proof.modifiers) {
    text +=
        one_line(fmt::format("{} {:#x} {} {}", row.works ? "works" : "fails", row.modifier.value,
                             row.maker.empty() ? "-" : row.maker, row.reason)) +
        "\n";
  }
  return write_secret(file_of(subject), text);
}

}  // namespace lumen::selftest
