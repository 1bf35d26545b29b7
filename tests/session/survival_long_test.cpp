// A hundred random events in ten minutes: frames flow again within two seconds of the source being
// back, and nothing piles up.
#include "survival.h"

namespace lumen::session {
namespace {

TEST(SurvivalLong, AHundredEventsAreSurvivedByTheSameViewers) {
  survive_a_desktop({.events = 100, .calm = Milliseconds(4500)});
}

}  // namespace
}  // namespace lumen::session
