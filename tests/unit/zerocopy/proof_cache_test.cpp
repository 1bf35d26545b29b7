#include "zerocopy/selftest/proof_cache.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

namespace lumen::selftest {
namespace {

constexpr Modifier kTiled{0x0300'0000'0060'6014};

class ProofCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "proofs.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] ProofCache cache() const { return ProofCache(folder_); }
  static ProofSubject subject() {
    return {.route = "vulkan copying",
            .gpu = "GeForce 0123",
            .driver = "NVIDIA 580.95.05\nCUDA 13000",
            .makers = "udmabuf",
            .kernel = "6.12.1",
            .lumen = "0.1.0"};
  }
  static Proof proof(bool tiled = true, bool linear = true) {
    return {
        {{kTiled, tiled, true, "Vulkan", tiled ? "" : "3 of 4 pixels of a test picture are wrong"},
         {kModifierLinear, linear, true, "udmabuf", linear ? "" : "refused"}}};
  }
  [[nodiscard]] std::optional<Proof> find(const ProofSubject& wanted = subject()) const {
    return cache().find(wanted, kOffered);
  }
  [[nodiscard]] std::filesystem::path file() const {
    return std::filesystem::directory_iterator(folder_)->path();
  }

  static constexpr std::array kOffered{kTiled, kModifierLinear};
  std::filesystem::path folder_;
};

TEST_F(ProofCacheTest, EachDepthIsProvenApart) {
  EXPECT_EQ(of_depth(subject(), 8), subject());
  const ProofSubject deep = of_depth(subject(), 10);
  ASSERT_TRUE(cache().keep(subject(), proof(true, true)));
  EXPECT_FALSE(find(deep));
  ASSERT_TRUE(cache().keep(deep, proof(true, false)));
  ASSERT_TRUE(find(deep));
  EXPECT_FALSE(find(deep)->modifiers[1].works);
  ASSERT_TRUE(find());
  EXPECT_TRUE(find()->modifiers[1].works);
}

TEST_F(ProofCacheTest, WhatWasProvenIsKnownTheNextTime) {
  EXPECT_FALSE(find());
  ASSERT_TRUE(cache().keep(subject(), proof(true, false)));
  const auto known = find();
  ASSERT_TRUE(known);
  EXPECT_EQ(known->working(), std::vector{kTiled});
  ASSERT_EQ(known->modifiers.size(), 2u);
  EXPECT_EQ(known->modifiers[1].reason, "refused");
  EXPECT_EQ(known->modifiers[1].maker, "udmabuf");
  struct stat about{};
  ASSERT_EQ(::stat(file().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(ProofCacheTest, AnotherDriverGpuKernelOrVersionIsProvenAnew) {
  ASSERT_TRUE(cache().keep(subject(), proof()));
  for (std::string ProofSubject::* const part :
       {&ProofSubject::route, &ProofSubject::gpu, &ProofSubject::driver, &ProofSubject::makers,
        &ProofSubject::kernel, &ProofSubject::lumen}) {
    ProofSubject other = subject();
    (other.*part) += "1";
    EXPECT_FALSE(find(other));
  }
  EXPECT_TRUE(find());
}

TEST_F(ProofCacheTest, OtherLayoutsThanThoseTestedAreProvenAnew) {
  ASSERT_TRUE(cache().keep(subject(), proof()));
  EXPECT_FALSE(cache().find(subject(), std::array{kTiled}));
  EXPECT_FALSE(cache().find(subject(), std::array{kModifierLinear, kTiled}));
  EXPECT_FALSE(cache().find(subject(), std::array{kTiled, kModifierLinear, Modifier{1}}));
}

TEST_F(ProofCacheTest, AFailureIsNotKeptAndEndsWhatWasKnown) {
  ASSERT_TRUE(cache().keep(subject(), proof(false, false)));
  EXPECT_FALSE(find());
  ASSERT_TRUE(cache().keep(subject(), proof()));
  ASSERT_TRUE(find());
  ASSERT_TRUE(cache().keep(subject(), proof(false, false)));
  EXPECT_FALSE(find());
}

TEST_F(ProofCacheTest, WhatMayBeOtherwiseTheNextTimeIsNotKept) {
  ASSERT_TRUE(cache().keep(subject(), proof()));
  Proof uncertain = proof(true, false);
  uncertain.modifiers[1].certain = false;
  uncertain.modifiers[1].reason = "no test buffer: out of memory";
  ASSERT_TRUE(cache().keep(subject(), uncertain));
  EXPECT_FALSE(find());
}

TEST_F(ProofCacheTest, DriversThatTellNothingAreProvenEachTime) {
  ProofSubject silent = subject();
  silent.driver.clear();
  ASSERT_TRUE(cache().keep(silent, proof()));
  EXPECT_FALSE(find(silent));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ProofCacheTest, ADamagedFileCountsAsNone) {
  ASSERT_TRUE(cache().keep(subject(), proof()));
  const auto path = file();
  std::ifstream in(path);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  const auto found_in = [&](const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
    return find().has_value();
  };
  EXPECT_TRUE(found_in(good));
  for (std::size_t size = 0; size + 20 < good.size(); ++size) {
    EXPECT_FALSE(found_in(good.substr(0, size))) << size;
  }
  EXPECT_FALSE(found_in(good + "works 0xzz Vulkan\n"));
  EXPECT_FALSE(found_in(good + "perhaps 0x1 Vulkan\n"));
  EXPECT_FALSE(found_in(good + "works 0x10000000000000000 Vulkan\n"));
  EXPECT_FALSE(found_in(good + "\n"));
}

TEST_F(ProofCacheTest, AFolderThatCantBeWrittenIsAnErrorAndNoMore) {
  const ProofCache nowhere(folder_ / "missing");
  EXPECT_FALSE(nowhere.find(subject(), kOffered));
  EXPECT_FALSE(nowhere.keep(subject(), proof()));
}

}  // namespace
}  // namespace lumen::selftest
