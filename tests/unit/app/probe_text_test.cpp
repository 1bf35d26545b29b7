#include "app/probe/report_text.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/probe/text_table.h"

namespace lumen::probe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Json sample() {
  const Json modifiers = {
      {{"modifier", "0x0300000000606014"},
       {"name", "NVIDIA block-linear h=4 k=0x06 g=2 s=1 (0x0300000000606014)"}}};
  return {
      {"machine",
       {{"kernel", "6.12"},
        {"nvidia_module", {{"loaded", true}, {"version", "580.65.06"}, {"flavour", "open"}}},
        {"nvidia_drm", {{"loaded", true}, {"modeset", "no"}}},
        {"gpus", Json::array()},
        {"nodes", {{{"path", "/dev/dri/renderD128"}, {"may_open", false}, {"group", "render"}}}},
        {"udmabuf", {{"present", false}}}}},
      {"libraries", {{"ok", true}, {"libraries", {{{"name", "libcuda.so.1"}, {"found", true}}}}}},
      {"cuda", {{"ok", false}, {"reason", "crashed (SIGSEGV)"}}},
      {"egl",
       {{"ok", true},
        {"devices",
         {{{"ok", true},
           {"vendor", "NVIDIA"},
           {"formats",
            {{{"format", "BGRx"}, {"modifiers", modifiers}},
             {{"format", "BGRA"}, {"modifiers", modifiers}}}}}}}}},
      {"vulkan", {{"ok", false}, {"reason", std::string(300, 'x')}}},
      {"nvenc",
       {{"ok", true},
        {"codecs",
         {{{"name", "HEVC"},
           {"caps",
            {{"width_max", 8192},
             {"height_max", 8192},
             {"ten_bit", 1},
             {"yuv444", 0},
             {"engines", 2}}}}}}}},
      {"compositor",
       {{"ok", true},
        {"nodes",
         {{{"id", 41},
           {"name", "game\x1b[31mscope\n"},
           {"formats",
            {{{"formats", {"xRGB_210LE"}},
              {"dmabuf", true},
              {"bit_depth", 10},
              {"color", "BT.2020 PQ"},
              {"modifiers", Json::array()}}}}}}}}},
      {"routes",
       {{{"name", "egl"},
         {"ok", true},
         {"modifiers",
          {{{"name", "LINEAR"}, {"works", true}},
           {{"name", "NVIDIA"}, {"works", false}, {"reason", "refused"}}}},
         {"ten_bits", {{"ok", false}, {"reason", "takes no pictures of ten bits"}}},
         {"timing", {{{"width", 1920}, {"height", 1080}, {"us", 28.3}, {"floor_us", 18.9}}}}}}},
      {"ladder", {{{"name", "egl"}, {"taken", true}, {"reason", ""}}}},
      {"summary", "This machine will do what it can."},
  };
}

TEST(ProbeText, FitsHundredColumnsAndEndsWithTheSentence) {
  const std::string text = report_text(sample(), {});
  std::istringstream lines(text);
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
    last = line;
  }
  EXPECT_EQ(last, "This machine will do what it can.");
}

TEST(ProbeText, SaysWhatMatters) {
  const std::string text = report_text(sample(), {});
  EXPECT_THAT(text, HasSubstr("580.65.06 open"));
  EXPECT_THAT(text, HasSubstr("modeset off"));
  EXPECT_THAT(text, HasSubstr("crashed (SIGSEGV)"));
  EXPECT_THAT(text, HasSubstr("BGRx BGRA:"));
  EXPECT_THAT(text, HasSubstr("\n" + std::string(31, ' ') + "NVIDIA block-linear h=4"));
  EXPECT_THAT(text, HasSubstr("28.3 µs"));
  EXPECT_THAT(text, HasSubstr("18.9 µs"));
  EXPECT_THAT(text, HasSubstr("up to 8192x8192; ten bit, engines 2"));
  EXPECT_THAT(text, HasSubstr("group render"));
  EXPECT_THAT(text, HasSubstr("1 of 2 layouts"));
  EXPECT_THAT(text, HasSubstr("ten bits: takes no pictures of ten bits"));
  EXPECT_THAT(text, HasSubstr("xRGB_210LE: dmabuf, 10 bits, BT.2020 PQ"));
  EXPECT_THAT(text, HasSubstr("no   NVIDIA: refused"));
}

TEST(ProbeText, WithoutATerminalThereAreWordsAndNoEscapes) {
  const std::string text = report_text(sample(), {});
  EXPECT_THAT(text, HasSubstr("yes"));
  EXPECT_THAT(text, Not(HasSubstr("✓")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ProbeText, OnATerminalThereAreSymbolsAndColours) {
  const std::string text = report_text(sample(), {.symbols = true, .colors = true});
  EXPECT_THAT(text, HasSubstr("\x1b[32m✓\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[31m✗\x1b[0m"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[31mscope")));
}

TEST(ProbeText, EmptyReportIsPrinted) { EXPECT_FALSE(report_text(Json::object(), {}).empty()); }

TEST(ProbeTable, WrapsBesideItsColumn) {
  TextTable table({});
  table.row("label", true, std::string(60, 'a') + " " + std::string(60, 'b'));
  EXPECT_EQ(table.text(), "  label                 yes  " + std::string(60, 'a') + "\n" +
                              std::string(29, ' ') + std::string(60, 'b') + "\n");
}

}  // namespace
}  // namespace lumen::probe
