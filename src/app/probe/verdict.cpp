#include "app/probe/verdict.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "app/probe/obstacle.h"

namespace lumen::probe {
namespace {

const Json* first_working(const Json& report) {
  for (const Json& route : at(report, "routes")) {
    if (flag_at(route, "ok")) return &route;
  }
  return nullptr;
}

std::string what_route_does(std::string_view name) {
  if (name == "egl") return "let CUDA read each picture where the compositor wrote it";
  if (name == "vulkan") return "import each picture with Vulkan";
  if (name == "gl-blit") return "draw each picture into a texture of its own with GL";
  return fmt::format("import each picture by the route {}", name);
}

/// Why the route is not the best one: the reason of the first.
std::string why_not_better(const Json& report, const Json& working) {
  const Json& best = at(report, "routes").front();
  if (&best == &working) return {};
  return fmt::format("the better route {} fails ({})", text_at(best, "name"),
                     text_at(best, "reason"));
}

std::string nvenc_advice(const Json& nvenc) {
  if (flag_at(nvenc, "absent")) return "a GPU with NVENC would save reading each picture back";
  const std::string hint = text_at(nvenc, "hint");
  if (!hint.empty()) return hint + " to save reading each picture back";
  return "with NVENC no picture would be read back";
}

/// The GPU that drives the desktop where that is another than CUDA's; null: it is the same, or
/// nobody knows.
const Json& other_desktop_gpu(const Json& report) {
  static const Json kNothing;
  const std::string ours = text_at(chosen_device(report), "pci");
  for (const Json& gpu : at(at(report, "machine"), "gpus")) {
    if (!ours.empty() && flag_at(gpu, "boot") && text_at(gpu, "pci") != ours &&
        !at(gpu, "nodes").empty()) {
      return gpu;
    }
  }
  return kNothing;
}

/// Whether the route has imported one of these layouts.
bool takes_one_of(const Json& route, const Json& offered) {
  for (const Json& modifier : at(route, "modifiers")) {
    if (!flag_at(modifier, "works")) continue;
    for (const Json& other : offered) {
      if (text_at(other, "modifier") == text_at(modifier, "modifier")) return true;
    }
  }
  return false;
}

/// What stands between a source that runs now and the route; empty where nothing does, or where
/// another source suits it.
std::string misfit(const Json& report, const Json& route) {
  std::string text;
  for (const Json& node : at(at(report, "compositor"), "nodes")) {
    if (flag_at(node, "camera") || at(node, "formats").empty()) continue;
    bool dmabuf = false;
    for (const Json& format : at(node, "formats")) {
      if (takes_one_of(route, at(format, "modifiers"))) return {};
      dmabuf = dmabuf || flag_at(format, "dmabuf");
    }
    text = fmt::format("but the source {} offers {}, so that the CPU must copy its pictures",
                       text_at(node, "name"),
                       dmabuf ? "no layout that the route imports" : "host memory only");
  }
  return text;
}

std::string good_summary(const Json& report, const Json& route) {
  const Json& nvenc = at(report, "nvenc");
  const bool encodes = flag_at(nvenc, "ok");
  std::string text = fmt::format("This machine will {} (route {})",
                                 what_route_does(text_at(route, "name")), text_at(route, "name"));
  std::string because = why_not_better(report, route);
  text += encodes ? " and encode it with NVENC"
                  : ", convert it on the GPU and read it back for a software encoder";
  if (!encodes) {
    const std::string reason = text_at(nvenc, "reason");
    because += (because.empty() ? "" : " and ") + (reason.empty() ? "NVENC is missing" : reason);
  }
  if (!because.empty()) text += ", because " + because;

  std::vector<std::string> changes;
  if (const Json& gpu = other_desktop_gpu(report); !gpu.is_null()) {
    changes.push_back(fmt::format(
        "but its {} GPU drives the desktop, so let the compositor render on the NVIDIA one",
        text_at(gpu, "vendor")));
  }
  if (std::string why = misfit(report, route); !why.empty()) changes.push_back(std::move(why));
  if (flag_at(at(report, "cuda"), "stand_in")) {
    changes.push_back("but CUDA is a stand-in for tests here");
  }
  if (!encodes) changes.push_back(nvenc_advice(nvenc));
  if (&at(report, "routes").front() != &route && encodes) {
    changes.push_back("a newer NVIDIA driver may do better");
  }
  if (changes.empty()) return text + "; nothing needs to change";
  for (const std::string& change : changes) text += "; " + change;
  return text;
}

/// One sentence: no line ends, no full stop but the last.
std::string as_sentence(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if ((text[i] == '.' || text[i] == '!' || text[i] == '?') && text[i + 1] == ' ') text[i] = ';';
  }
  while (!text.empty() && (text.back() == '.' || text.back() == ' ' || text.back() == '?')) {
    text.pop_back();
  }
  return text + ".";
}

}  // namespace

Ladder ladder_of(const Json& report) {
  Ladder ladder;
  const Json* const working = first_working(report);
  for (const Json& route : at(report, "routes")) {
    LadderStep step{text_at(route, "name"), &route == working, text_at(route, "reason")};
    if (flag_at(route, "ok") && !step.taken) step.reason = "works, but is not needed";
    ladder.push_back(std::move(step));
  }
  const bool host = working != nullptr && !flag_at(at(report, "nvenc"), "ok");
  ladder.push_back({"readback", host, host ? "the encoder reads host memory" : "not needed"});
  ladder.push_back(
      {"cpu", working == nullptr, working == nullptr ? "" : "stands ready for host memory"});
  return ladder;
}

std::string summary_of(const Json& report) {
  if (const Json* route = first_working(report); route != nullptr) {
    return as_sentence(good_summary(report, *route));
  }
  const Obstacle obstacle = find_obstacle(report);
  std::string text = fmt::format(
      "This machine will copy each picture with the CPU (mmap) because {}", obstacle.cause);
  if (!obstacle.advice.empty()) text += "; " + obstacle.advice;
  return as_sentence(std::move(text));
}

}  // namespace lumen::probe
