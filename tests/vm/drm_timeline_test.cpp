// DRM syncobjs of a real kernel.
#include <chrono>

#include <gtest/gtest.h>

#include "platform/linux/drm_syncobj.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

TEST(DrmTimeline, PointsAreWaitedForSignalledAndExported) {
  const auto device = open_sync_device();
  ASSERT_TRUE(device) << device.error().describe();
  const auto made = (*device)->create_timeline();
  ASSERT_TRUE(made) << made.error().describe();
  const auto imported = (*device)->import_timeline(made->syncobj.borrow());
  ASSERT_TRUE(imported) << imported.error().describe();

  const auto early = (*imported)->wait(3, now() + 20ms);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, ErrorKind::kRetry) << early.error().describe();
  const auto nothing = (*imported)->export_sync_file(3, now() + 20ms);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::kRetry) << nothing.error().describe();

  ASSERT_TRUE(made->timeline->signal(3));
  EXPECT_TRUE((*imported)->wait(3, now()));
  EXPECT_TRUE((*imported)->wait(2, now())) << "earlier points are signalled, too";
  EXPECT_FALSE((*imported)->wait(4, now()));
  const auto file = (*imported)->export_sync_file(3, now() + 20ms);
  ASSERT_TRUE(file) << file.error().describe();
  EXPECT_TRUE(*file);

  EXPECT_FALSE((*device)->import_timeline(0)) << "not a syncobj";
}

}  // namespace
}  // namespace lumen
