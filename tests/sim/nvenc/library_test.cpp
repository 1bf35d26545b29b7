// The library as a file: what it exports and needs, and what its environment does.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// The dynamic section of the library as it is loaded.
struct Dynamic {
  std::vector<std::string> exported;
  std::vector<std::string> undefined;
  std::vector<std::string> needed;
};

std::vector<char> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Dynamic read_dynamic() {
  Dynamic out;
  const std::vector<char> file = read_file(LUMEN_SIM_NVENC_LIBRARY);
  const auto* const header = reinterpret_cast<const ElfW(Ehdr)*>(file.data());
  const auto* const sections = reinterpret_cast<const ElfW(Shdr)*>(file.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    const ElfW(Shdr)& section = sections[i];
    const char* const strings = file.data() + sections[section.sh_link].sh_offset;
    const char* const data = file.data() + section.sh_offset;
    if (section.sh_type == SHT_DYNSYM) {
      const auto* const symbols = reinterpret_cast<const ElfW(Sym)*>(data);
      for (std::size_t s = 1; s < section.sh_size / sizeof(ElfW(Sym)); ++s) {
        (symbols[s].st_shndx == SHN_UNDEF ? out.undefined : out.exported)
            .emplace_back(strings + symbols[s].st_name);
      }
    }
    if (section.sh_type == SHT_DYNAMIC) {
      for (const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(data); entry->d_tag != DT_NULL;
           ++entry) {
        if (entry->d_tag == DT_NEEDED) out.needed.emplace_back(strings + entry->d_un.d_val);
      }
    }
  }
  return out;
}

TEST(NvencLibrary, ExportsNothingElse) {
  const Dynamic dynamic = read_dynamic();
  EXPECT_THAT(dynamic.exported, Contains("NvEncodeAPICreateInstance"));
  EXPECT_THAT(dynamic.exported, Contains("NvEncodeAPIGetMaxSupportedVersion"));
  for (const std::string& name : dynamic.exported) {
    EXPECT_TRUE(name.starts_with("NvEncodeAPI") || name.starts_with("lumen_sim_nvenc_")) << name;
  }
}

// So that a process has one libcuda, whichever that is.
TEST(NvencLibrary, NeedsLibcudaAndNoneOfItsSymbols) {
  const Dynamic dynamic = read_dynamic();
  EXPECT_THAT(dynamic.needed, Contains("libcuda.so.1"));
  for (const std::string& name : dynamic.undefined) {
    EXPECT_FALSE(name.starts_with("cu") || name.starts_with("lumen_sim_cuda")) << name;
  }
}

class NvencEnvironment : public SimNvenc {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    SimNvenc::SetUp();
  }
};

TEST_F(NvencEnvironment, WhatIsWrongIsPrintedAtExit) {
  EXPECT_EXIT(
      {
        auto* const client = new Client(cuda, context, NV_ENC_CODEC_H264_GUID);
        client->open();
        client->api.nvEncDestroyEncoder(nullptr);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0),
      "NVENC stand-in: 1 violations:\nnvEncDestroyEncoder: null session\n.*alive at exit: 1 "
      "session");
}

TEST_F(NvencEnvironment, StrictAbortsAtTheViolation) {
  ::setenv("LUMEN_SIM_NVENC_STRICT", "1", 1);
  EXPECT_DEATH(load_api().nvEncDestroyEncoder(nullptr),
               "NVENC stand-in: violation: nvEncDestroyEncoder: null session");
  ::unsetenv("LUMEN_SIM_NVENC_STRICT");
}

TEST_F(NvencEnvironment, FailuresAndTheTrace) {
  const std::string path = ::testing::TempDir() + "lumen-sim-nvenc-" + std::to_string(::getpid());
  ::setenv("LUMEN_SIM_NVENC_TRACE", path.c_str(), 1);
  EXPECT_EXIT(
      {
        nvenc.set_fail("nvEncOpenEncodeSessionEx@1=10");
        Client(cuda, context, NV_ENC_CODEC_H264_GUID).open();
        std::_Exit(7);
      },
      ::testing::ExitedWithCode(7), "");
  ::unsetenv("LUMEN_SIM_NVENC_TRACE");
  std::stringstream trace;
  trace << std::ifstream(path).rdbuf();
  EXPECT_THAT(trace.str(), HasSubstr(" NvEncodeAPICreateInstance 0\n"));
  EXPECT_THAT(trace.str(), HasSubstr(" nvEncOpenEncodeSessionEx 10\n"));
  std::remove(path.c_str());
}

TEST_F(NvencEnvironment, SettingsAreReadAgainAtReset) {
  ::setenv("LUMEN_SIM_NVENC_SESSIONS", "0", 1);
  ::setenv("LUMEN_SIM_NVENC_VERSION", "10.0", 1);
  nvenc.reset();
  EXPECT_EQ(make_client()->open(), NV_ENC_ERR_INVALID_VERSION);
  ::unsetenv("LUMEN_SIM_NVENC_VERSION");
  nvenc.reset();
  EXPECT_EQ(make_client()->open(), NV_ENC_ERR_OUT_OF_MEMORY);
  ::unsetenv("LUMEN_SIM_NVENC_SESSIONS");
  nvenc.reset();
  EXPECT_EQ(make_client()->open(), NV_ENC_SUCCESS);
}

TEST_F(NvencEnvironment, StrangeSettingsAreRefused) {
  EXPECT_EQ(nvenc.set_gpu("voodoo"), 0);
  EXPECT_EQ(nvenc.set_encode_mode("sometimes"), 0);
  EXPECT_EQ(nvenc.set_fail("nvEncLockBitstream"), 0);
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
