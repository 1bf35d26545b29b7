// Runs a fuzz target on its corpus, and on what a fixed generator makes of it, in builds without
// libFuzzer.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include <gtest/gtest.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace lumen {
namespace {

constexpr unsigned kMutations = 2000;

using Input = std::vector<std::uint8_t>;

std::vector<Input> corpus() {
  std::vector<Input> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(LUMEN_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

/// A copy of its own size, so that a sanitizer sees what lies beyond.
void run(const Input& input) {
  const Input exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

#define LUMEN_SUITE_OF(name) Fuzz_##name
#define LUMEN_SUITE(name) LUMEN_SUITE_OF(name)

TEST(LUMEN_SUITE(LUMEN_FUZZ_NAME), SurvivesItsCorpus) {
  const auto inputs = corpus();
  ASSERT_FALSE(inputs.empty()) << LUMEN_CORPUS;
  for (const Input& input : inputs) run(input);
  run({});
}

TEST(LUMEN_SUITE(LUMEN_FUZZ_NAME), SurvivesWhatIsAlmostItsCorpus) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  for (const Input& input : corpus()) {
    for (unsigned n = 0; n < kMutations; ++n) {
      Input changed = input;
      for (auto changes = random() % 4; changes > 0 && !changed.empty(); --changes) {
        changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
      }
      if (random() % 4 == 0) changed.resize(random() % (input.size() + 1));
      run(changed);
    }
  }
}

}  // namespace
}  // namespace lumen
