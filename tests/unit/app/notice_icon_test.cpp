#include "app/notify/notice_icon.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace lumen {
namespace {

namespace fs = std::filesystem;

class NoticeIcon : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(top_); }

  std::string folder(const std::string& name, bool with_icon) {
    const fs::path apps = top_ / name / "icons/hicolor/scalable/apps";
    fs::create_directories(apps);
    if (with_icon) std::ofstream(apps / "io.github.lumen.Host.svg") << "<svg/>";
    return top_ / name;
  }

  const fs::path top_ =
      fs::path(testing::TempDir()) / ("lumen-notice-icon-" + std::to_string(::getpid()));
};

TEST_F(NoticeIcon, IsLumensOwnWhereItIsInstalled) {
  const std::string without = folder("without", false);
  const std::string with = folder("with", true);
  EXPECT_EQ(notice_icon(nullptr, nullptr, (without + ":" + with).c_str()), "io.github.lumen.Host");
  EXPECT_EQ(notice_icon(with.c_str(), nullptr, without.c_str()), "io.github.lumen.Host");
  folder("home/.local/share", true);
  EXPECT_EQ(notice_icon("", (top_ / "home").c_str(), without.c_str()), "io.github.lumen.Host");
}

TEST_F(NoticeIcon, IsOneOfTheDesktopsElsewhere) {
  EXPECT_EQ(notice_icon(nullptr, nullptr, folder("without", false).c_str()), "video-display");
}

}  // namespace
}  // namespace lumen
