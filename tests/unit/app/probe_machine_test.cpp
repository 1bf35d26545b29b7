#include "app/probe/machine.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace lumen::probe {
namespace {

namespace fs = std::filesystem;

// A tree that looks like a machine.
class ProbeMachine : public ::testing::Test {
 protected:
  ProbeMachine() : root_(fs::path(::testing::TempDir()) / unique_name()) {
    roots_ = {.sys = root_ / "sys",
              .proc = root_ / "proc",
              .dev = root_ / "dev",
              .may_open = [this](const fs::path& path) {
                return path.filename().string().find(forbidden_) == std::string::npos;
              }};
    fs::create_directories(root_ / "dev");
  }
  ~ProbeMachine() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  static std::string unique_name() {
    static std::atomic<int> count = 0;
    return "lumen-machine-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  }

  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  void link(const fs::path& path, const std::string& target) const {
    fs::create_directories((root_ / path).parent_path());
    fs::create_symlink(target, root_ / path);
  }

  void add_gpu(const std::string& pci, const std::string& vendor, const std::string& driver,
               const std::string& boot) const {
    const fs::path device = fs::path("sys/bus/pci/devices") / pci;
    write(device / "class", "0x030000");
    write(device / "vendor", vendor);
    write(device / "device", "0x2684");
    write(device / "boot_vga", boot);
    link(device / "driver", "../../../bus/pci/drivers/" + driver);
  }
  void add_node(const std::string& name, const std::string& pci) const {
    write("dev/dri/" + name, "");
    link("sys/class/drm/" + name + "/device", "../../../bus/pci/devices/" + pci);
  }

  fs::path root_;
  std::string forbidden_ = "nothing at all";
  MachineRoots roots_;
};

TEST_F(ProbeMachine, EmptyMachineIsDescribed) {
  const Json machine = inspect_machine(roots_);
  EXPECT_FALSE(flag_at(machine["nvidia_module"], "loaded"));
  EXPECT_FALSE(flag_at(machine["nvidia_drm"], "loaded"));
  EXPECT_TRUE(machine["gpus"].empty());
  EXPECT_TRUE(machine["nodes"].empty());
  EXPECT_FALSE(flag_at(machine["udmabuf"], "present"));
}

TEST_F(ProbeMachine, HybridLaptopHasTwoGpusWithTheirNodes) {
  add_gpu("0000:00:02.0", "0x8086", "i915", "1");
  add_gpu("0000:01:00.0", "0x10de", "nvidia", "0");
  write("sys/bus/pci/devices/0000:00:1f.3/class", "0x040300");  // sound
  add_node("card0", "0000:00:02.0");
  add_node("renderD128", "0000:00:02.0");
  add_node("card1", "0000:01:00.0");
  add_node("renderD129", "0000:01:00.0");
  const Json machine = inspect_machine(roots_);
  ASSERT_EQ(machine["gpus"].size(), 2U);
  const Json& intel = machine["gpus"][0];
  EXPECT_EQ(text_at(intel, "vendor"), "Intel");
  EXPECT_TRUE(flag_at(intel, "boot"));
  const Json& nvidia = machine["gpus"][1];
  EXPECT_EQ(text_at(nvidia, "vendor"), "NVIDIA");
  EXPECT_EQ(text_at(nvidia, "driver"), "nvidia");
  EXPECT_EQ(nvidia["nodes"], Json({"/dev/dri/card1", "/dev/dri/renderD129"}));
}

TEST_F(ProbeMachine, ModuleVersionAndFlavour) {
  write("sys/module/nvidia/version", "580.65.06");
  write("proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build");
  const Json module = inspect_machine(roots_)["nvidia_module"];
  EXPECT_TRUE(flag_at(module, "loaded"));
  EXPECT_EQ(text_at(module, "version"), "580.65.06");
  EXPECT_EQ(text_at(module, "flavour"), "open");
}

TEST_F(ProbeMachine, ModesetIsReadWhereItCanBe) {
  write("sys/module/nvidia_drm/parameters/modeset", "Y");
  EXPECT_EQ(text_at(inspect_machine(roots_)["nvidia_drm"], "modeset"), "yes");
  write("sys/module/nvidia_drm/parameters/modeset", "N");
  EXPECT_EQ(text_at(inspect_machine(roots_)["nvidia_drm"], "modeset"), "no");
}

TEST_F(ProbeMachine, ModesetIsSeenFromAConnectorWhereTheParameterIsSecret) {
  fs::create_directories(root_ / "sys/module/nvidia_drm");
  add_gpu("0000:01:00.0", "0x10de", "nvidia", "1");
  add_node("card1", "0000:01:00.0");
  link("sys/bus/pci/devices/0000:01:00.0/unused", "nowhere");
  EXPECT_EQ(text_at(inspect_machine(roots_)["nvidia_drm"], "modeset"), "unknown");
  fs::create_directories(root_ / "sys/class/drm/card1-DP-1");
  // The node's driver is found through its device.
  fs::remove(root_ / "sys/class/drm/card1/device");
  fs::create_directory_symlink(root_ / "sys/bus/pci/devices/0000:01:00.0",
                               root_ / "sys/class/drm/card1/device");
  EXPECT_EQ(text_at(inspect_machine(roots_)["nvidia_drm"], "modeset"), "yes");
}

TEST_F(ProbeMachine, NodesThatTheUserMayNotOpenAreMarked) {
  forbidden_ = "renderD128";
  add_gpu("0000:01:00.0", "0x10de", "nvidia", "1");
  add_node("card0", "0000:01:00.0");
  add_node("renderD128", "0000:01:00.0");
  write("dev/udmabuf", "");
  write("dev/nvidia0", "");
  const Json machine = inspect_machine(roots_);
  EXPECT_TRUE(flag_at(machine["nodes"][0], "may_open"));
  EXPECT_FALSE(flag_at(machine["nodes"][1], "may_open"));
  EXPECT_TRUE(flag_at(machine["udmabuf"], "may_open"));
  EXPECT_EQ(text_at(machine["nvidia_files"][0], "path"), "/dev/nvidia0");
}

}  // namespace
}  // namespace lumen::probe
