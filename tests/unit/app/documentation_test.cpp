// What is documented is what there is: every option stands in the help, the manual and the shell
// completion, and the other way round.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>

#include <fmt/format.h>
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

TEST(Documentation, HelpKeepsNamesAndExplanationsApart) {
  std::string help = stream_help();
  help.erase(0, help.find("\noptions:\n"));
  for (const StreamOption& option : stream_options_table()) {
    std::string head = "--" + std::string(option.name);
    if (!option.value_name.empty()) head += " " + std::string(option.value_name);
    const auto at = help.find(head);
    ASSERT_NE(at, std::string::npos) << head;
    const auto end = at + head.size();
    EXPECT_TRUE(help[end] == ' ' || help[end] == '\n') << help.substr(at, head.size() + 20);
    const auto text = help.find_first_not_of(" \n", end);
    EXPECT_TRUE(help.substr(text).starts_with(option.help.substr(0, option.help.find('\n'))))
        << help.substr(at, head.size() + 60);
  }
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

/// What the completion of every shell offers after "lumen-host ARGUMENTS".
std::set<std::string> completed(const std::string& arguments) {
  const std::string command =
      "bash -c '. \"$0\" && _lumen_host_print lumen-host " + arguments + "' '" +
      (std::filesystem::path(LUMEN_SOURCE_DIR) / "packaging/lumen-host.bash").string() + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> shell(::popen(command.c_str(), "r"), &::pclose);
  std::set<std::string> found;
  std::array<char, 256> line{};
  while (shell && std::fgets(line.data(), line.size(), shell.get()) != nullptr) {
    std::string word = line.data();
    while (word.ends_with('\n')) word.pop_back();
    found.insert(std::move(word));
  }
  return found;
}

TEST(Documentation, CompletionOffersVerbsAndValues) {
  std::set<std::string> verbs = {"--json", "--name", "--help", "start"};
  const std::string help = tool_help("ctl");
  const std::string list = help.substr(help.find("\nverbs:"));
  verbs.merge(words_after("\n  ", list.substr(0, list.find("\n\n")), kLetters));
  EXPECT_GE(verbs.size(), 10U);
  EXPECT_EQ(completed("ctl \"\""), verbs);
  EXPECT_EQ(completed("config s"), std::set<std::string>{"show"});
  EXPECT_EQ(completed("ctl codec \"\""), (std::set<std::string>{"h264", "hevc", "av1"}));
  EXPECT_EQ(completed("stream --stats \"\""), (std::set<std::string>{"text", "json"}));
  EXPECT_EQ(completed("stream --aud"), std::set<std::string>{"--audio"});
  EXPECT_EQ(completed("stream --source kwin:w"), std::set<std::string>{"kwin:window="})
      << "other shells take a spec for one word";
}

TEST(Documentation, ManualTellsEveryExitCode) {
  std::set<std::string> expected;
  for (int code = 0; code <= static_cast<int>(ExitCode::kDeclined); ++code) {
    expected.insert(std::to_string(code));
  }
  EXPECT_EQ(words_after("\n.It ", packaging("lumen-host.1"), "0123456789"), expected);
}

// What the user must change, and what the user has said: neither changes within two seconds.
TEST(Documentation, TheServiceDoesNotOverruleTheUser) {
  const std::string unit = packaging("systemd/lumen-host.service.in");
  EXPECT_THAT(unit, HasSubstr("\nRestart=on-failure\n"));
  EXPECT_THAT(unit, HasSubstr(fmt::format("\nRestartPreventExitStatus={} {}\n",
                                          static_cast<int>(ExitCode::kUsage),
                                          static_cast<int>(ExitCode::kDeclined))));
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

TEST(Documentation, HelpFitsATerminalAndHasExamples) {
  std::vector<std::string> texts = {general_help(), stream_help()};
  for (const char* command :
       {"sources", "encoders", "zerocopy-probe", "status", "ctl", "stop", "config", "doctor"}) {
    texts.push_back(tool_help(command));
  }
  for (const std::string& text : texts) {
    EXPECT_THAT(text, HasSubstr("\nexamples:\n  lumen-host "));
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
