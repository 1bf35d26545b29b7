// lumen-host on the source of a real, new compositor, which it finds or asks by itself. Nothing
// here depends on how many pictures a second the emulated machine makes.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "host.h"
#include "new_compositors.h"

namespace lumen::session {

class NewSources : public NewCompositor {
 protected:
  static constexpr Milliseconds kPatience{120000};

  /// Records the source until recorded().
  void stream(const std::string& source) {
    auto started =
        Host::start(*session_, {"--source", source, "--audio", "off", "--encoder", "software",
                                "--bitrate", "6M", "--sink", "file:" + recording()});
    ASSERT_TRUE(started) << started.error().describe();
    host_.emplace(std::move(*started));
  }
  [[nodiscard]] std::string recording() const { return (session_->dir() / "out.mkv").string(); }

  /// That `more` further pictures of the source come.
  testing::AssertionResult pictures_come(int more) {
    std::optional<int> before;
    const auto status = host_->await(kPatience, [&](const nlohmann::json& now_is) {
      const int captured = now_is["frames"]["captured"].get<int>();
      if (!before) before = captured;
      return now_is["state"] == "streaming" && captured >= *before + more;
    });
    if (status) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no pictures\n" << host_->process().log_text();
  }
  testing::AssertionResult is_lost() {
    if (host_->await(kPatience,
                     [](const auto& status) { return status["state"] == "reconnecting"; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << host_->process().log_text();
  }
  testing::AssertionResult log_says(const std::string& text) {
    if (eventually(kPatience,
                   [&] { return host_->process().log_text().find(text) != std::string::npos; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "not said: " << text << "\n"
                                       << host_->process().log_text();
  }

  /// Ends the stream. Every picture of the recording has this size, and what the client drew; at
  /// least so many are different.
  void expect_recorded_pictures(Extent size, std::size_t different) {
    EXPECT_EQ(host_->interrupt(), 0) << host_->process().log_text();
    const auto seen = watch(recording());
    ASSERT_TRUE(seen) << seen.error().describe();
    EXPECT_EQ(seen->decoder_errors, 0U);
    EXPECT_GE(seen->different(), different) << testing::PrintToString(seen->numbers);
    EXPECT_LE(seen->worst_patch, 6);
    EXPECT_EQ(seen->sizes,
              (std::set<std::pair<std::uint32_t, std::uint32_t>>{{size.width, size.height}}));
  }

  /// What `lumen-host sources` lists of that kind, as --source takes it.
  std::vector<std::string> listed(const std::string& kind) {
    std::vector<std::string> sources;
    const auto output = session_->output_of({LUMEN_HOST_BINARY, "sources", "--json"}, kPatience);
    EXPECT_TRUE(output) << output.error().describe();
    if (!output) return sources;
    for (const auto& offer : nlohmann::json::parse(*output)) {
      if (offer["kind"] == kind) sources.push_back(offer["source"]);
    }
    return sources;
  }

  /// Pictures come, none while nobody looks, and again afterwards.
  void expect_rest(CaptureSource& source) {
    LinearReader reader;
    const auto started = source.start({.offers = LinearReader::offers()}, reader);
    ASSERT_TRUE(started) << started.error().describe();
    EXPECT_TRUE(reader.wait_for(2, kPatience));
    source.pause();
    std::this_thread::sleep_for(std::chrono::seconds(3));  // for what was on its way
    const auto before = source.stats().received;
    std::this_thread::sleep_for(std::chrono::seconds(5));
    EXPECT_EQ(source.stats().received, before);
    const auto numbers = reader.reading().numbers;
    const std::size_t seen = std::set(numbers.begin(), numbers.end()).size();
    source.resume();
    EXPECT_TRUE(reader.wait_for(seen + 2, kPatience)) << "nothing comes any more";
    source.stop();
    EXPECT_EQ(reader.reading().trouble, "");
  }

  std::optional<Host> host_;
};

}  // namespace lumen::session
