#include "app/options/config_file.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> values(const Config& config, const std::string& key) {
  for (const ConfigEntry& entry : config.entries) {
    if (entry.key == key) return entry.values;
  }
  return {};
}

TEST(ConfigFile, ValuesOfEveryTypeBecomeTheirCommandLineSpelling) {
  const auto parsed = parse_config(R"(
source = "node:gamescope"
sink = ["file:a.mp4", 'rtp:127.0.0.1:5004']
bitrate = 20_000_000
fps = 59.94
duration = "1h30m"
quiet = true
)",
                                   "x");
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_THAT(values(*parsed, "source"), ElementsAre("node:gamescope"));
  EXPECT_THAT(values(*parsed, "sink"), ElementsAre("file:a.mp4", "rtp:127.0.0.1:5004"));
  EXPECT_THAT(values(*parsed, "bitrate"), ElementsAre("20000000"));
  EXPECT_THAT(values(*parsed, "fps"), ElementsAre("59.94"));
  EXPECT_THAT(values(*parsed, "quiet"), ElementsAre("true"));
  EXPECT_EQ(parsed->entries.front().line, 2U);
}

TEST(ConfigFile, OneSinkNeedsNoArray) {
  EXPECT_THAT(values(parse_config("sink = \"file:a.mp4\"", "x").value(), "sink"),
              ElementsAre("file:a.mp4"));
}

TEST(ConfigFile, AnyLetterMayStandInQuotesAndComments) {
  const auto parsed = parse_config(
      "# \xc3\xa4\xe2\x82\xac [x]\nsource = \"node:B\xc3\xbcro \\\"2\\\" # [1]\" # \xc3\xb6\n"
      "preset = '\xc3\xbc\\'\nsink = [ # two\n  \"file:\xc3\xa4.mp4\",\n  'file:b.mkv',\n]\r\n",
      "x");
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_THAT(values(*parsed, "source"), ElementsAre("node:B\xc3\xbcro \"2\" # [1]"));
  EXPECT_THAT(values(*parsed, "preset"), ElementsAre("\xc3\xbc\\"));
  EXPECT_THAT(values(*parsed, "sink"), ElementsAre("file:\xc3\xa4.mp4", "file:b.mkv"));
}

TEST(ConfigFile, EmptyIsFine) {
  EXPECT_TRUE(parse_config("", "x")->entries.empty());
  EXPECT_TRUE(parse_config("# nothing here\n", "x")->entries.empty());
}

TEST(ConfigFile, SetupsHaveSettingsOfTheirOwn) {
  const auto parsed = parse_config(
      "fps = 30\n[setup.couch] # far away\nfps = 60\nbitrate = \"9M\"\n  [setup.2nd-desk]\n"
      "quiet = true\n",
      "x");
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_THAT(values(*parsed, "fps"), ElementsAre("30"));
  ASSERT_EQ(parsed->setups.size(), 2U);
  EXPECT_EQ(parsed->setups[0].name, "couch");
  EXPECT_EQ(parsed->setups[0].entries.size(), 2U);
  EXPECT_EQ(parsed->setups[0].entries[1].line, 4U);
  EXPECT_EQ(parsed->setups[1].name, "2nd-desk");
}

TEST(ConfigFile, TheOlderNameCountsWhereTheNewOneIsAbsent) {
  const auto folder = std::filesystem::path(::testing::TempDir()) /
                      ("lumen-names-" + std::to_string(std::random_device{}()));
  std::filesystem::create_directories(folder / "lumen");
  std::ofstream(folder / "lumen/config.toml") << "fps = 30\n";
  EXPECT_EQ(find_config_location(folder.c_str(), nullptr).path, folder / "lumen/config.toml");
  std::ofstream(folder / "lumen/host.toml") << "fps = 60\n";
  EXPECT_EQ(find_config_location(folder.c_str(), nullptr).path, folder / "lumen/host.toml");
  std::filesystem::remove_all(folder);
}

struct BadFile {
  const char* text;
  const char* says;  // part of the one line that the user reads
};

class BadConfig : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadConfig, IsOneLineWithPlaceAndReason) {
  const auto parsed = parse_config(GetParam().text, "my.toml");
  ASSERT_FALSE(parsed) << GetParam().text;
  EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(parsed.error().describe(), HasSubstr(GetParam().says));
  EXPECT_THAT(parsed.error().describe(), Not(HasSubstr("\n")));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfig,
    ::testing::Values(
        BadFile{"\nbitrat = \"20M\"\n",
                "my.toml:2: unknown key 'bitrat' (did you mean 'bitrate'?)"},
        BadFile{"zzzzzz = 1", "my.toml:1: unknown key 'zzzzzz' (the keys are"},
        BadFile{"fps = true", "my.toml:1: fps: expected text or a number, found true or false"},
        BadFile{"fps = [60]", "my.toml:1: fps: expected text or a number, found an array"},
        BadFile{"\n\nsink = [true]", "my.toml:3: sink: expected text or an array of texts"},
        BadFile{"quiet = \"yes\"", "my.toml:1: quiet: expected true or false, found text"},
        BadFile{"[source]\nname = 1", "my.toml:1: a line that begins with '['"},
        BadFile{"fps = 60\n  [[stream]]", "my.toml:2: a line that begins with '['"},
        BadFile{"[=", "my.toml:1: a line that begins"}, BadFile{"fps = [}", "my.toml:1: "},
        BadFile{"source.name = \"x\"",
                "my.toml:1: source: expected text or a number, found a table"},
        BadFile{"source = \"\"\"x\"\"\"", "my.toml:1: text over several lines"},
        BadFile{"fps = 60 # \xc3\xa4\n\xc3\xa4 = 1", "my.toml:2: a letter that isn't ASCII"},
        BadFile{"[setup.couch]\nbitrat = 1", "my.toml:2: unknown key 'bitrat'"},
        BadFile{"setup = 1", "my.toml:1: 'setup' is for the command line only"},
        BadFile{"[setup.a.b]\nfps = 1", "my.toml:1: a line that begins with '['"},
        BadFile{"[setup.a]\nfps = 1\n[setup.a]\nfps = 2", "my.toml:3: "},
        BadFile{"setup.a = 1", "my.toml:1: setup.a is no table"},
        BadFile{"fps = 1979-05-27", "found a date"},
        BadFile{"config = \"x\"", "my.toml:1: 'config' is for the command line only"},
        BadFile{"fps = 60\nfps = 30", "my.toml:2: "}, BadFile{"fps =", "my.toml:1: "},
        BadFile{"a\n= 1", "my.toml:1: "}, BadFile{"\n\nsource = \"open", "my.toml:3: "},
        BadFile{"fps = 60 60", "my.toml:1: "}, BadFile{"\xff\xfe garbage", "my.toml:1: "}));

TEST(ConfigFile, GarbageNeverDoesMoreThanFail) {
  std::mt19937 random(3);
  std::uniform_int_distribution<int> byte(0, 255);
  const std::string alphabet = "fps=60\n[]\"'{}.,#bitrate \\u";
  for (int i = 0; i < 3000; ++i) {
    std::string text(static_cast<std::size_t>(byte(random) % 60), ' ');
    for (char& c : text) {
      const auto value = static_cast<std::size_t>(byte(random));
      c = i % 2 == 0 ? static_cast<char>(value) : alphabet[value % alphabet.size()];
    }
    if (const auto parsed = parse_config(text, "x"); !parsed) {
      ASSERT_THAT(parsed.error().message, HasSubstr("x:"));
    }
  }
  EXPECT_FALSE(parse_config("fps = " + std::string(100'000, '['), "x")) << "deep nesting";
}

TEST(ConfigFile, DamagedFilesNeverDoMoreThanFail) {
  const std::string good =
      "source = \"node:x\"\nsink = [\"file:a.mp4\", 'rtp:h:5004']\nfps = 59.94\nbitrate = 20_000\n"
      "duration = 1979-05-27T07:32:00.5Z\nquiet = true\na.b = {c = 0x1F, d = [1, -inf, 1e5]}\n";
  const std::string pieces = "[]{}=.,\"'#\\\n\t -+_:eExTZ0\xc3\xa4\xff";
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (auto edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      const char piece = pieces[random() % pieces.size()];
      switch (random() % 3) {
        case 0: text[at] = piece; break;
        case 1: text.erase(at, 1 + random() % 4); break;
        default: text.insert(at, 1, piece);
      }
    }
    if (const auto parsed = parse_config(text, "x"); !parsed) {
      ASSERT_THAT(parsed.error().message, HasSubstr("x:")) << text;
      ASSERT_THAT(parsed.error().message, Not(HasSubstr("\n"))) << text;
    }
  }
}

TEST(ConfigFile, LocationFollowsTheXdgSpecification) {
  EXPECT_EQ(find_config_location("/xdg", "/home/u").path, "/xdg/lumen/host.toml");
  EXPECT_EQ(find_config_location(nullptr, "/home/u").path, "/home/u/.config/lumen/host.toml");
  EXPECT_EQ(find_config_location("", "/home/u").path, "/home/u/.config/lumen/host.toml");
  EXPECT_EQ(find_config_location("rel/ative", "/home/u").path, "/home/u/.config/lumen/host.toml");
  EXPECT_TRUE(find_config_location(nullptr, nullptr).path.empty());
}

TEST(ConfigFile, MissingFileAndDirectory) {
  const std::filesystem::path nowhere = "/nonexistent/lumen/config.toml";
  EXPECT_TRUE(read_config(nowhere, MissingFile::kIsEmpty)->entries.empty());
  const auto missing = read_config(nowhere, MissingFile::kIsAnError);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr(nowhere.string()));
  const auto directory = read_config(::testing::TempDir(), MissingFile::kIsEmpty);
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("is a directory"));
}

TEST(ConfigFile, EndlessFileIsRefused) {
  if (!std::filesystem::exists("/dev/zero")) GTEST_SKIP() << "no /dev/zero here";
  EXPECT_FALSE(read_config("/dev/zero", MissingFile::kIsAnError));
}

}  // namespace
}  // namespace lumen
