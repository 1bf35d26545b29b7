// A token in the configuration file is nobody else's business.
#include "app/options/config_secrets.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace lumen {
namespace {

namespace fs = std::filesystem;

class ConfigSecrets : public testing::Test {
 protected:
  void TearDown() override { fs::remove(path_); }

  std::optional<Error> check(const std::string& text, fs::perms mode) {
    std::ofstream(path_) << text;
    fs::permissions(path_, mode);
    const auto config = parse_config(text, "host.toml");
    EXPECT_TRUE(config) << config.error().describe();
    return exposed_secret(path_, *config);
  }

  const fs::path path_ =
      fs::path(testing::TempDir()) / ("lumen-secrets-" + std::to_string(::getpid()) + ".toml");
  static constexpr auto kOwner = fs::perms::owner_read | fs::perms::owner_write;
};

const std::string kToken = "sink = \"whip:https://sfu.example/live?token=s3cr3t\"\n";

TEST_F(ConfigSecrets, ATokenThatOthersMayReadIsTold) {
  for (const auto others : {fs::perms::group_read, fs::perms::others_read}) {
    const auto told = check(kToken, kOwner | others);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->hint, "chmod 600 " + path_.string());
    EXPECT_EQ(told->describe().find("s3cr3t"), std::string::npos);
  }
  EXPECT_TRUE(check("[setup.couch]\n" + kToken, kOwner | fs::perms::others_read)) << "in a setup";
}

TEST_F(ConfigSecrets, AFileOfItsOwnerOrWithoutATokenIsNot) {
  EXPECT_FALSE(check(kToken, kOwner));
  const auto everybody = kOwner | fs::perms::group_read | fs::perms::others_read;
  EXPECT_FALSE(check("sink = [\"web\", \"whip:https://sfu.example/live\"]\n", everybody));
  EXPECT_FALSE(check("", everybody));
}

}  // namespace
}  // namespace lumen
