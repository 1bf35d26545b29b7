// What is documented is what there is: every option stands in the help, the manual and the shell
// completion, and the other way round.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/exit_code.h"
#include "app/options/help_text.h"
#include "app/options/stream_option_table.h"
#include "core/ledger.h"

namespace lumen {
namespace {

using ::testing::HasSubstr;

std::string packaging(const std::string& name) {
  std::ifstream file(std::filesystem::path(LUMEN_SOURCE_DIR) / "packaging" / name);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The words of `letters` that follow `prefix` anywhere.
std::set<std::string> words_after(const std::string& prefix, const std::string& text,
                                  const std::string& letters) {
  std::set<std::string> found;
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const auto begin = at + prefix.size();
    const auto end = text.find_first_not_of(letters, begin);
    if (end > begin) found.insert(text.substr(begin, end - begin));
  }
  return found;
}

const std::string kLetters = "abcdefghijklmnopqrstuvwxyz-";

std::set<std::string> table() {
  std::set<std::string> names;
  for (const StreamOption& option : stream_options_table()) names.emplace(option.name);
  return names;
}

TEST(Documentation, HelpNamesEveryOption) {
  auto found = words_after("\n      --", stream_help(), kLetters);
  found.merge(words_after(", --", stream_help(), kLetters));
  EXPECT_EQ(found, table());
}

TEST(Documentation, ManualNamesEveryOptionAndNoOther) {
  const std::string manual = packaging("lumen-host.1");
  EXPECT_EQ(words_after("\n.It Fl -", manual, kLetters), table());
  for (const StreamOption& option : stream_options_table()) {
    if (option.letter == 0) continue;
    EXPECT_THAT(manual, HasSubstr("-" + std::string(option.name) + " , " + option.letter));
  }
  EXPECT_THAT(manual, HasSubstr("-json"));
  EXPECT_THAT(manual, HasSubstr("-version"));
}

TEST(Documentation, CompletionKnowsEveryOptionAndNoOther) {
  auto expected = table();
  expected.insert({"json", "version", "watch", "report"});
  EXPECT_EQ(words_after("--", packaging("lumen-host.bash"), kLetters), expected);
}

TEST(Documentation, ManualTellsEveryExitCode) {
  std::set<std::string> expected;
  for (int code = 0; code <= static_cast<int>(ExitCode::kProblemsFound); ++code) {
    expected.insert(std::to_string(code));
  }
  EXPECT_EQ(words_after("\n.It ", packaging("lumen-host.1"), "0123456789"), expected);
}

TEST(Documentation, ManualAndCompletionKnowEveryCommand) {
  // "  stream          capture …" in the general help.
  std::set<std::string> commands;
  const std::string help = general_help();
  const std::string list = help.substr(help.find("\ncommands:"));
  for (const std::string& word : words_after("\n  ", list.substr(0, list.find("\n\n")), kLetters)) {
    commands.insert(word);
  }
  EXPECT_GE(commands.size(), 3U);
  const std::string completion = packaging("lumen-host.bash");
  for (const std::string& command : commands) {
    EXPECT_THAT(packaging("lumen-host.1"), HasSubstr("\n.It Cm " + command + "\n"));
    EXPECT_THAT(completion, HasSubstr(command));
  }
}

TEST(Documentation, ManualNamesEveryStageOfTheStatistics) {
  const std::string manual = packaging("lumen-host.1");
  for (std::size_t i = 0; i < kDistanceCount; ++i) {
    EXPECT_THAT(manual, HasSubstr(std::string(to_string(static_cast<Distance>(i)))));
  }
}

TEST(Documentation, HelpFitsATerminal) {
  std::vector<std::string> texts = {general_help(), stream_help()};
  for (const char* command :
       {"sources", "encoders", "zerocopy-probe", "status", "ctl", "stop", "config", "doctor"}) {
    texts.push_back(tool_help(command));
  }
  for (const std::string& text : texts) {
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      ASSERT_NE(end, std::string::npos);
      EXPECT_LE(end - begin, 100U) << text.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

}  // namespace
}  // namespace lumen
