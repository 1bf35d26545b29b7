// What a report says is nobody's secret.
#include "app/doctor/redact.h"

#include <gtest/gtest.h>

namespace lumen::doctor {
namespace {

std::string gone(std::string_view text) {
  return redact(text, {.home = "/home/anna", .user = "anna", .host = "zebra"});
}

TEST(Redact, TakesOutTokensWhereverTheyStand) {
  EXPECT_EQ(gone("whip:https://h/live?token=abc123&x=1"), "whip:https://h/live?token=REDACTED&x=1");
  EXPECT_EQ(gone("sink = \"whip:https://h/?a=b&TOKEN=s3cr3t\""),
            "sink = \"whip:https://h/?a=b&TOKEN=REDACTED\"");
  EXPECT_EQ(gone("{\"token\": \"abc\", \"n\": 1}"), "{\"token\": \"REDACTED\", \"n\": 1}");
  EXPECT_EQ(gone("Authorization: Bearer abc.def"), "Authorization: Bearer REDACTED");
  EXPECT_EQ(gone("https://me:pw@host/x"), "https://REDACTED@host/x");
  EXPECT_EQ(gone("open http://127.0.0.1:8000/#t0k3n now"),
            "open http://127.0.0.1:8000/#REDACTED now");
}

TEST(Redact, TakesOutNames) {
  EXPECT_EQ(gone("/home/anna/x.mp4 and /home/bert/y"), "~/x.mp4 and /home/USER/y");
  EXPECT_EQ(gone("/home/annabel"), "/home/USER");
  EXPECT_EQ(gone("anna@zebra: hannah's zebras"), "USER@HOST: hannah's zebras");
}

TEST(Redact, LeavesTheRestAlone) {
  const std::string text = "libx264 1280x720, token_file is fine; tokens? no. 50% of \xc3\xa4";
  EXPECT_EQ(gone(text), text);
  EXPECT_EQ(redact("anything", {}), "anything");
}

}  // namespace
}  // namespace lumen::doctor
