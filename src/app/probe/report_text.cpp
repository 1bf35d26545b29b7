#include "app/probe/report_text.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "app/probe/text_table.h"

namespace lumen::probe {
namespace {

std::string reason_of(const Json& section) {
  const std::string hint = text_at(section, "hint");
  std::string reason = text_at(section, "reason");
  if (reason.empty()) reason = "no reason given";
  return hint.empty() ? reason : fmt::format("{} ({})", reason, hint);
}

std::string joined(const std::vector<std::string>& words, std::string_view empty = "none") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? std::string(empty) : text;
}

std::vector<std::string> strings(const Json& list) {
  std::vector<std::string> words;
  for (const Json& one : list) {
    if (one.is_string()) words.push_back(one.get<std::string>());
  }
  return words;
}

std::string number(const Json& object, const char* key) {
  const Json& value = at(object, key);
  return value.is_number() ? value.dump() : "?";
}

void write_kernel(TextTable& table, const Json& machine) {
  table.section("Kernel");
  table.row("Linux", std::nullopt, text_at(machine, "kernel"));
  const Json& module = at(machine, "nvidia_module");
  const bool loaded = flag_at(module, "loaded");
  table.row("nvidia", loaded,
            loaded ? fmt::format("{} {}", text_at(module, "version"), text_at(module, "flavour"))
                   : "module not loaded");
  const Json& drm = at(machine, "nvidia_drm");
  const std::string modeset = text_at(drm, "modeset");
  if (!flag_at(drm, "loaded")) {
    table.row("nvidia-drm", false, "module not loaded");
  } else {
    table.row("nvidia-drm", modeset != "no",
              modeset == "unknown"
                  ? "loaded; only root can read whether modeset is on"
                  : fmt::format("loaded, modeset {}", modeset == "yes" ? "on" : "off"));
  }
  const Json& udmabuf = at(machine, "udmabuf");
  table.row("udmabuf", flag_at(udmabuf, "may_open"),
            !flag_at(udmabuf, "present")   ? "/dev/udmabuf is not there"
            : flag_at(udmabuf, "may_open") ? "/dev/udmabuf"
                                           : "this user may not open /dev/udmabuf");
  for (const Json& file : at(machine, "nvidia_files")) {
    table.row(text_at(file, "path"), flag_at(file, "may_open"),
              flag_at(file, "may_open") ? "" : "this user may not open it");
  }
}

void write_gpus(TextTable& table, const Json& machine) {
  table.section("GPUs");
  if (at(machine, "gpus").empty()) table.row("none", std::nullopt, "no display controller on PCI");
  for (const Json& gpu : at(machine, "gpus")) {
    const std::string driver = text_at(gpu, "driver");
    table.row(
        text_at(gpu, "pci"), std::nullopt,
        fmt::format("{} {}:{}, driver {}{}", text_at(gpu, "vendor"), text_at(gpu, "vendor_id"),
                    text_at(gpu, "device_id"), driver.empty() ? "none" : driver,
                    flag_at(gpu, "boot") ? ", boot display" : ""));
  }
  for (const Json& node : at(machine, "nodes")) {
    table.row(text_at(node, "path"), flag_at(node, "may_open"),
              fmt::format("{} {}{}", text_at(node, "driver"), text_at(node, "pci"),
                          flag_at(node, "may_open")
                              ? ""
                              : fmt::format(": this user may not open it (group {})",
                                            text_at(node, "group"))));
  }
  if (at(machine, "nodes").empty()) table.row("/dev/dri", false, "no DRM nodes");
}

void write_libraries(TextTable& table, const Json& libraries) {
  table.section("Libraries");
  if (!flag_at(libraries, "ok")) table.row("", false, reason_of(libraries));
  for (const Json& one : at(libraries, "libraries")) {
    const bool found = flag_at(one, "found");
    // The loader's message repeats the name.
    std::string reason = text_at(one, "reason");
    const std::string prefix = text_at(one, "name") + ": ";
    if (reason.starts_with(prefix)) reason.erase(0, prefix.size());
    table.row(text_at(one, "name"), found, found ? text_at(one, "path") : reason);
  }
}

void write_cuda(TextTable& table, const Json& cuda) {
  table.section("CUDA");
  if (!flag_at(cuda, "ok")) table.row("CUDA", false, reason_of(cuda));
  if (flag_at(cuda, "ok")) table.row("CUDA", true, text_at(cuda, "version"));
  for (const Json& device : at(cuda, "devices")) {
    table.row(text_at(device, "pci"), std::nullopt,
              fmt::format("{}, compute {}, UUID {}{}", text_at(device, "name"),
                          text_at(device, "compute"), text_at(device, "uuid"),
                          flag_at(device, "chosen") ? ", the one that lumen takes" : ""));
  }
  if (flag_at(cuda, "stand_in")) table.more("This is a stand-in for tests, not a GPU.");
}

/// `label` stands beside the first one.
void write_extensions(TextTable& table, std::string_view label, const Json& extensions) {
  for (const Json& extension : extensions) {
    table.row(label, flag_at(extension, "present"), text_at(extension, "name"));
    label = "";
  }
}

/// Formats with the same modifiers share their list.
void write_formats(TextTable& table, const Json& formats) {
  std::vector<std::pair<std::string, const Json*>> groups;
  for (const Json& format : formats) {
    const Json& modifiers = at(format, "modifiers");
    const auto same =
        std::ranges::find_if(groups, [&](const auto& group) { return *group.second == modifiers; });
    if (same == groups.end()) {
      groups.emplace_back(text_at(format, "format"), &modifiers);
    } else {
      same->first += " " + text_at(format, "format");
    }
  }
  for (const auto& [names, modifiers] : groups) {
    table.more(names + ":");
    for (const Json& modifier : *modifiers) {
      table.more("  " + text_at(modifier, "name") +
                 (flag_at(modifier, "external_only") ? ", sampled as external texture only" : ""));
    }
  }
}

void write_egl(TextTable& table, const Json& egl) {
  table.section("EGL");
  if (!flag_at(egl, "ok")) return table.row("EGL", false, reason_of(egl));
  write_extensions(table, "client", at(egl, "client_extensions"));
  if (at(egl, "devices").empty()) table.row("devices", false, "EGL lists none");
  for (const Json& device : at(egl, "devices")) {
    const std::string node = text_at(device, "drm_node");
    const std::string label = flag_at(device, "software") ? "software"
                              : node.empty()              ? "GPU"
                                                          : node;
    const bool ok = flag_at(device, "ok");
    table.row(label, ok, ok ? text_at(device, "vendor") : reason_of(device));
    if (!text_at(device, "uuid").empty()) table.more("UUID " + text_at(device, "uuid"));
    write_extensions(table, "", at(device, "extensions"));
    write_formats(table, at(device, "formats"));
  }
}

void write_vulkan(TextTable& table, const Json& vulkan) {
  table.section("Vulkan");
  if (!flag_at(vulkan, "ok")) return table.row("Vulkan", false, reason_of(vulkan));
  if (at(vulkan, "devices").empty()) table.row("devices", false, "Vulkan lists none");
  for (const Json& device : at(vulkan, "devices")) {
    const bool ok = flag_at(device, "ok");
    table.row(
        "device", ok,
        fmt::format("{}, Vulkan {}, {}, UUID {}", text_at(device, "name"), text_at(device, "api"),
                    text_at(device, "driver"), text_at(device, "uuid")));
    if (!ok) table.more(reason_of(device));
    write_extensions(table, "", at(device, "extensions"));
    if (!ok) continue;
    const Json& features = at(device, "features");
    table.more(fmt::format(
        "copies on the {}; timelines {}shared with CUDA; fences of a producer {}",
        text_at(device, "queue"), flag_at(features, "timeline_export") ? "" : "not ",
        flag_at(features, "sync_file_import") ? "waited for on the GPU" : "waited for on the CPU"));
    if (flag_at(device, "in_place")) table.more("LINEAR memory is read in place");
    write_formats(table, at(device, "formats"));
  }
}

void write_nvenc(TextTable& table, const Json& nvenc) {
  table.section("NVENC");
  if (!text_at(nvenc, "api").empty()) {
    table.row("API", std::nullopt, "up to " + text_at(nvenc, "api"));
  }
  if (!flag_at(nvenc, "ok")) return table.row("encoder", false, reason_of(nvenc));
  for (const Json& codec : at(nvenc, "codecs")) {
    const Json& caps = at(codec, "caps");
    std::vector<std::string> words;
    for (const auto& [name, value] : caps.items()) {
      if (name == "width_max" || name == "height_max" || value == 0) continue;
      std::string word = name;
      std::ranges::replace(word, '_', ' ');
      words.push_back(value == 1 ? word : fmt::format("{} {}", word, value.dump()));
    }
    table.row(text_at(codec, "name"), true,
              fmt::format("up to {}x{}; {}", number(caps, "width_max"), number(caps, "height_max"),
                          joined(words, "nothing more")));
  }
}

void write_compositor(TextTable& table, const Json& compositor) {
  table.section("Sources");
  if (!flag_at(compositor, "ok")) return table.row("PipeWire", false, reason_of(compositor));
  if (at(compositor, "nodes").empty()) {
    table.row("PipeWire", true, "nothing offers a picture now; start a screen cast or gamescope");
  }
  for (const Json& node : at(compositor, "nodes")) {
    table.row(
        text_at(node, "name"), std::nullopt,
        fmt::format("id {}{}", number(node, "id"), flag_at(node, "camera") ? ", camera" : ""));
    for (const Json& format : at(node, "formats")) {
      const bool dmabuf = flag_at(format, "dmabuf");
      const std::string color = text_at(format, "color");
      table.more(fmt::format(
          "{}: {}{}{}", joined(strings(at(format, "formats"))), dmabuf ? "dmabuf" : "host memory",
          format.value("bit_depth", 8) > 8 ? ", 10 bits" : "", color.empty() ? "" : ", " + color));
      for (const Json& modifier : at(format, "modifiers")) {
        table.more("  " + text_at(modifier, "name"));
      }
    }
  }
}

/// "12 of 13"
std::string proven(const Json& modifiers) {
  const auto right = std::ranges::count_if(
      modifiers, [](const Json& modifier) { return flag_at(modifier, "works"); });
  return fmt::format("{} of {}", right, modifiers.size());
}

std::string proof_text(const Json& route) {
  return proven(at(route, "modifiers")) + " layouts come through with every pixel right";
}

std::string ten_bits_text(const Json& route) {
  const Json& deep = at(route, "ten_bits");
  if (!flag_at(deep, "ok")) return "ten bits: " + reason_of(deep);
  return fmt::format("ten bits: {} layouts", proven(at(deep, "modifiers")));
}

void write_routes(TextTable& table, const Json& routes) {
  table.section("Routes, proven with pictures");
  for (const Json& route : routes) {
    const bool ok = flag_at(route, "ok");
    table.row(text_at(route, "name"), ok, ok ? proof_text(route) : reason_of(route));
    if (route.contains("ten_bits")) table.more(ten_bits_text(route));
    for (const Json& row : at(route, "timing")) {
      const std::string size = fmt::format("{}x{}", number(row, "width"), number(row, "height"));
      table.more(row.contains("us")
                     ? fmt::format("{}: {} µs a frame; one copy on the GPU takes {} µs", size,
                                   number(row, "us"), number(row, "floor_us"))
                     : fmt::format("{}: not timed: {}", size, text_at(row, "reason")));
    }
    for (const Json& modifier : at(route, "modifiers")) {
      const bool works = flag_at(modifier, "works");
      table.row("", works,
                text_at(modifier, "name") + (works ? "" : ": " + text_at(modifier, "reason")));
    }
  }
}

void write_ladder(TextTable& table, const Json& ladder) {
  table.section("Ladder, best first");
  for (const Json& step : ladder) {
    table.row(text_at(step, "name"), flag_at(step, "taken"), text_at(step, "reason"));
  }
}

bool is_utf8_locale() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale = value;
    std::ranges::transform(locale, locale.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

TextStyle style_of_stdout() {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* const no_color = std::getenv("NO_COLOR");
  return {.symbols = terminal && is_utf8_locale(),
          .colors = terminal && (no_color == nullptr || *no_color == '\0')};
}

std::string report_text(const Json& report, TextStyle style) {
  TextTable table(style);
  write_kernel(table, at(report, "machine"));
  write_gpus(table, at(report, "machine"));
  write_libraries(table, at(report, "libraries"));
  write_cuda(table, at(report, "cuda"));
  write_egl(table, at(report, "egl"));
  write_vulkan(table, at(report, "vulkan"));
  write_nvenc(table, at(report, "nvenc"));
  write_compositor(table, at(report, "compositor"));
  write_routes(table, at(report, "routes"));
  write_ladder(table, at(report, "ladder"));
  table.paragraph(text_at(report, "summary"));
  return table.text();
}

}  // namespace lumen::probe
