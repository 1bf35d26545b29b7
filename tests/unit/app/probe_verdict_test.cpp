#include "app/probe/verdict.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen::probe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kPci = "0000:01:00.0";

Json failed_section(const std::string& reason) { return {{"ok", false}, {"reason", reason}}; }

// A machine on which everything works; each test breaks one thing.
Json good_machine() {
  return {
      {"machine",
       {{"nvidia_module", {{"loaded", true}, {"version", "580.65.06"}}},
        {"nvidia_drm", {{"loaded", true}, {"modeset", "yes"}}},
        {"gpus",
         {{{"pci", kPci},
           {"vendor", "NVIDIA"},
           {"driver", "nvidia"},
           {"boot", true},
           {"nodes", {"/dev/dri/card0", "/dev/dri/renderD128"}}}}},
        {"nodes",
         {{{"path", "/dev/dri/card0"}, {"pci", kPci}, {"may_open", true}, {"group", "video"}},
          {{"path", "/dev/dri/renderD128"},
           {"pci", kPci},
           {"may_open", true},
           {"group", "render"}}}},
        {"udmabuf", {{"present", true}, {"may_open", true}}},
        {"nvidia_files", Json::array()}}},
      {"libraries",
       {{"ok", true},
        {"libraries",
         {{{"name", "libcuda.so.1"}, {"found", true}, {"version", "580.65.06"}},
          {{"name", "libEGL.so.1"}, {"found", true}},
          {{"name", "libvulkan.so.1"}, {"found", true}}}}}},
      {"cuda",
       {{"ok", true},
        {"devices", {{{"name", "NVIDIA GeForce"}, {"pci", kPci}, {"chosen", true}}}}}},
      {"nvenc", {{"ok", true}}},
      {"compositor", {{"ok", true}, {"nodes", Json::array()}}},
      {"routes",
       {{{"name", "egl"}, {"ok", true}},
        {{"name", "vulkan"}, {"ok", true}},
        {{"name", "gl-blit"}, {"ok", true}}}},
  };
}

void fail_cuda(Json& report, Json cuda) {
  report["cuda"] = std::move(cuda);
  report["nvenc"] = failed_section("needs CUDA");
  for (Json& route : report["routes"]) {
    route = {{"name", route["name"]}, {"ok", false}, {"reason", "needs CUDA"}};
  }
}

void fail_routes(Json& report, const std::string& reason) {
  for (Json& route : report["routes"]) {
    route = {{"name", route["name"]}, {"ok", false}, {"reason", reason}};
  }
}

struct Case {
  const char* name;
  void (*break_it)(Json& report);
  std::vector<std::string> words;      // of the sentence
  std::vector<std::string> not_words;  // of others
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

class ProbeSummary : public ::testing::TestWithParam<Case> {};

TEST_P(ProbeSummary, IsOneSentenceThatSaysWhatAndWhyAndWhatToChange) {
  Json report = good_machine();
  GetParam().break_it(report);
  const std::string sentence = summary_of(report);
  EXPECT_THAT(sentence, StartsWith("This machine will "));
  EXPECT_TRUE(sentence.ends_with('.')) << sentence;
  EXPECT_THAT(sentence, Not(HasSubstr(". ")));
  EXPECT_THAT(sentence, Not(HasSubstr("\n")));
  for (const std::string& word : GetParam().words) EXPECT_THAT(sentence, HasSubstr(word));
  for (const std::string& word : GetParam().not_words) EXPECT_THAT(sentence, Not(HasSubstr(word)));
}

void remove_cuda_library(Json& report) {
  report["libraries"]["libraries"][0] = {{"name", "libcuda.so.1"}, {"found", false}};
  fail_cuda(report, failed_section("no NVIDIA driver"));
}

void remove_module(Json& report) {
  report["machine"]["nvidia_module"] = {{"loaded", false}, {"version", ""}};
  report["machine"]["nvidia_drm"] = {{"loaded", false}, {"modeset", "unknown"}};
  report["machine"]["gpus"][0]["driver"] = "";
}

INSTANTIATE_TEST_SUITE_P(
    Machines, ProbeSummary,
    ::testing::Values(
        Case{"all_fine", [](Json&) {}, {"CUDA", "NVENC", "nothing needs to change"}, {"because"}},
        Case{"no_gpu",
             [](Json& report) {
               remove_module(report);
               remove_cuda_library(report);
               report["machine"]["gpus"] = Json::array();
               report["machine"]["nodes"] = Json::array();
             },
             {"CPU (mmap)", "because it has no GPU", "NVIDIA GPU"},
             {"install"}},
        Case{"amd_gpu",
             [](Json& report) {
               remove_module(report);
               remove_cuda_library(report);
               report["machine"]["gpus"][0]["vendor"] = "AMD";
             },
             {"CPU (mmap)", "AMD"},
             {"install"}},
        Case{
            "driver_not_installed",
            [](Json& report) {
              remove_module(report);
              remove_cuda_library(report);
            },
            {"CPU (mmap)", "no NVIDIA driver is installed", "install NVIDIA's driver 450 or newer"},
            {}},
        Case{"nouveau",
             [](Json& report) {
               remove_module(report);
               remove_cuda_library(report);
               report["machine"]["gpus"][0]["driver"] = "nouveau";
             },
             {"nouveau", "install NVIDIA's driver"},
             {}},
        Case{"libcuda_missing_beside_the_module",
             [](Json& report) { remove_cuda_library(report); },
             {"libcuda.so.1 is missing", "580.65.06"},
             {}},
        Case{"module_not_loaded",
             [](Json& report) {
               remove_module(report);
               fail_cuda(report, failed_section("CUDA can't start: cuInit: CUDA_ERROR_NO_DEVICE"));
             },
             {"kernel module is not loaded", "modprobe nvidia"},
             {}},
        Case{"driver_mismatch",
             [](Json& report) {
               report["libraries"]["libraries"][0]["version"] = "580.82.07";
               fail_cuda(
                   report,
                   failed_section("CUDA can't start: cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"));
             },
             {"580.82.07", "580.65.06", "restart"},
             {}},
        Case{"broken_driver",
             [](Json& report) {
               fail_cuda(report,
                         {{"ok", false}, {"reason", "crashed (SIGSEGV)"}, {"crashed", true}});
             },
             {"NVIDIA's driver crashed (SIGSEGV)", "install the driver anew"},
             {}},
        Case{"hanging_driver",
             [](Json& report) {
               fail_cuda(report,
                         {{"ok", false}, {"reason", "no answer within 15 s"}, {"hung", true}});
             },
             {"no answer within 15 s", "restart"},
             {}},
        Case{"no_right_to_the_gpu",
             [](Json& report) {
               report["machine"]["nvidia_files"] = {
                   {{"path", "/dev/nvidia0"}, {"may_open", false}}};
               fail_cuda(report, failed_section("CUDA can't start: cuInit: CUDA_ERROR_NO_DEVICE"));
             },
             {"may not open /dev/nvidia0"},
             {}},
        Case{"no_nvidia_drm",
             [](Json& report) {
               report["machine"]["nvidia_drm"] = {{"loaded", false}, {"modeset", "unknown"}};
               report["machine"]["nodes"] = Json::array();
               fail_routes(report, "EGL can't import dmabufs");
             },
             {"nvidia-drm is not loaded", "modprobe nvidia-drm modeset=1"},
             {"EGL"}},
        Case{"no_modeset",
             [](Json& report) {
               report["machine"]["nvidia_drm"]["modeset"] = "no";
               fail_routes(report, "EGL can't import dmabufs");
             },
             {"without modeset", "options nvidia-drm modeset=1"},
             {}},
        Case{"container_without_dri",
             [](Json& report) {
               report["machine"]["nodes"] = Json::array();
               fail_routes(report, "EGL_BAD_ALLOC");
             },
             {"NVIDIA GeForce has no node in /dev/dri", "container"},
             {}},
        Case{"no_right_to_the_render_node",
             [](Json& report) {
               report["machine"]["nodes"][1]["may_open"] = false;
               fail_routes(report, "EGL_BAD_ALLOC");
             },
             {"may not open /dev/dri/renderD128", "group render"},
             {}},
        Case{"no_graphics_libraries",
             [](Json& report) {
               report["libraries"]["libraries"][1]["found"] = false;
               report["libraries"]["libraries"][2]["found"] = false;
               fail_routes(report, "not installed");
             },
             {"libEGL.so.1", "libvulkan.so.1", "install"},
             {}},
        Case{"no_right_to_udmabuf",
             [](Json& report) {
               report["machine"]["udmabuf"]["may_open"] = false;
               fail_routes(report, "can't be proven");
               for (Json& route : report["routes"]) route["provable"] = false;
             },
             {"no picture can be made", "access to /dev/udmabuf"},
             {}},
        Case{"every_route_crashes",
             [](Json& report) { fail_routes(report, "crashed (SIGABRT)"); },
             {"CPU (mmap)", "egl: crashed (SIGABRT)", "newest driver"},
             {}},
        Case{"egl_refused_but_vulkan_works",
             [](Json& report) {
               report["routes"][0] = {{"name", "egl"},
                                      {"ok", false},
                                      {"reason", "cuGraphicsEGLRegisterImage: refused. "}};
             },
             {"import each picture with Vulkan", "NVENC", "egl fails (cuGraphicsEGLRegisterImage",
              "newer NVIDIA driver"},
             {"CPU"}},
        Case{"no_nvenc_on_the_gpu",
             [](Json& report) {
               report["nvenc"] = {
                   {"ok", false}, {"reason", "this GPU has no encoder (NVENC)"}, {"absent", true}};
             },
             {"CUDA", "read it back", "this GPU has no encoder", "a GPU with NVENC"},
             {"CPU"}},
        Case{"nvenc_library_missing",
             [](Json& report) {
               report["nvenc"] = {{"ok", false},
                                  {"reason", "no NVENC library"},
                                  {"hint", "install libnvidia-encode1"}};
             },
             {"no NVENC library", "install libnvidia-encode1"},
             {}},
        Case{"hybrid_laptop",
             [](Json& report) {
               report["machine"]["gpus"][0]["boot"] = false;
               report["machine"]["gpus"].push_back({{"pci", "0000:00:02.0"},
                                                    {"vendor", "Intel"},
                                                    {"driver", "i915"},
                                                    {"boot", true},
                                                    {"nodes", {"/dev/dri/card1"}}});
             },
             {"Intel GPU drives the desktop", "compositor render on the NVIDIA one"},
             {"nothing needs to change"}},
        Case{"source_in_host_memory",
             [](Json& report) {
               report["compositor"]["nodes"] = {
                   {{"name", "weston.pipewire"},
                    {"formats", {{{"formats", {"BGRx"}}, {"dmabuf", false}}}}}};
             },
             {"weston.pipewire offers host memory only"},
             {"nothing needs to change"}},
        Case{"source_in_a_foreign_layout",
             [](Json& report) {
               report["routes"][0]["modifiers"] = {{{"modifier", "0x0"}, {"works", true}},
                                                   {{"modifier", "0x1"}, {"works", false}}};
               report["compositor"]["nodes"] = {
                   {{"name", "kwin"},
                    {"formats", {{{"dmabuf", true}, {"modifiers", {{{"modifier", "0x1"}}}}}}}}};
             },
             {"kwin offers no layout that the route imports"},
             {"nothing needs to change"}},
        Case{"source_that_suits",
             [](Json& report) {
               report["routes"][0]["modifiers"] = {{{"modifier", "0x1"}, {"works", true}}};
               report["compositor"]["nodes"] = {
                   {{"name", "kwin"},
                    {"formats", {{{"dmabuf", true}, {"modifiers", {{{"modifier", "0x1"}}}}}}}}};
             },
             {"nothing needs to change"},
             {"kwin"}},
        Case{"nothing_known", [](Json& report) { report = Json::object(); }, {"CPU (mmap)"}, {}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(ProbeLadder, TakesTheFirstRouteThatWorks) {
  Json report = good_machine();
  report["routes"][0] = {{"name", "egl"}, {"ok", false}, {"reason", "refused"}};
  const Ladder ladder = ladder_of(report);
  ASSERT_EQ(ladder.size(), 5U);
  EXPECT_EQ(ladder[0].reason, "refused");
  EXPECT_TRUE(ladder[1].taken);
  EXPECT_FALSE(ladder[2].taken);
  EXPECT_EQ(ladder[3].name, "readback");
  EXPECT_FALSE(ladder[3].taken);
  EXPECT_EQ(ladder[4].name, "cpu");
  EXPECT_FALSE(ladder[4].taken);
}

TEST(ProbeLadder, ReadsBackWhereTheEncoderReadsHostMemory) {
  Json report = good_machine();
  report["nvenc"] = failed_section("absent");
  const Ladder ladder = ladder_of(report);
  EXPECT_TRUE(ladder[0].taken);
  EXPECT_TRUE(ladder[3].taken);
}

TEST(ProbeLadder, EndsAtTheCpu) {
  Json report = good_machine();
  fail_routes(report, "refused");
  const Ladder ladder = ladder_of(report);
  EXPECT_TRUE(ladder.back().taken);
  EXPECT_EQ(std::ranges::count_if(ladder, &LadderStep::taken), 1);
}

}  // namespace
}  // namespace lumen::probe
