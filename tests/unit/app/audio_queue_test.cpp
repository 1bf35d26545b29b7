// Blocks of sound between two threads.
#include "app/pipeline/audio_queue.h"

#include <numeric>
#include <thread>

#include <gtest/gtest.h>

namespace lumen {
namespace {

std::vector<float> count_up(float first, std::size_t floats) {
  std::vector<float> samples(floats);
  std::iota(samples.begin(), samples.end(), first);
  return samples;
}

TEST(AudioQueue, BlocksComeOutAsTheyWentInAlsoAcrossTheRingsEnd) {
  AudioQueue queue;
  std::vector<float> samples;
  Timestamp time;
  float first = 0;
  for (int n = 0; n < 100; ++n) {
    const std::size_t floats = 2 * (500 + 37 * static_cast<std::size_t>(n % 50));
    queue.put({count_up(first, floats), Timestamp{Nanoseconds{n}}});
    ASSERT_TRUE(queue.take(samples, time));
    ASSERT_EQ(samples, count_up(first, floats));
    ASSERT_EQ(time, Timestamp{Nanoseconds{n}});
    first += static_cast<float>(floats);
  }
  EXPECT_EQ(queue.lost(), 0U);
}

TEST(AudioQueue, KeepsHalfASecondForOneWhoIsSlowAndCountsTheRest) {
  AudioQueue queue;
  const auto block = count_up(0, 960);
  for (int n = 0; n < 60; ++n) queue.put({block, Timestamp{Nanoseconds{n}}});
  EXPECT_EQ(queue.lost(), 10U);
  std::vector<float> samples;
  Timestamp time;
  for (int n = 0; n < 50; ++n) {
    ASSERT_TRUE(queue.take(samples, time));
    EXPECT_EQ(time, Timestamp{Nanoseconds{n}}) << "what was there first is kept";
  }
}

TEST(AudioQueue, CloseEndsAWaitAfterWhatIsThere) {
  AudioQueue queue;
  queue.put({count_up(0, 4), Timestamp{Nanoseconds{1}}});
  std::thread closer([&] { queue.close(); });
  std::vector<float> samples;
  Timestamp time;
  EXPECT_TRUE(queue.take(samples, time));
  EXPECT_FALSE(queue.take(samples, time));
  closer.join();
}

}  // namespace
}  // namespace lumen
