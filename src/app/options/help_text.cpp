#include "app/options/help_text.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "app/options/stream_option_table.h"

namespace lumen {
namespace {

constexpr std::size_t kHelpColumn = 26;

std::string indented(std::string_view help) {
  std::string result;
  for (const char c : help) {
    result += c;
    if (c == '\n') result.append(kHelpColumn, ' ');
  }
  return result;
}

std::string option_lines() {
  std::string result;
  for (const StreamOption& option : stream_options_table()) {
    const std::string letter = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
    const std::string value =
        option.value_name.empty() ? std::string() : fmt::format(" {}", option.value_name);
    fmt::format_to(std::back_inserter(result), "{:<{}}{}\n",
                   fmt::format("  {}--{}{}", letter, option.name, value), kHelpColumn,
                   indented(option.help));
  }
  return result;
}

}  // namespace

std::string general_help() {
  return R"(lumen-host streams a Wayland session.

usage: lumen-host COMMAND [OPTION...]

commands:
  stream          capture a source, encode it and send it to one sink or several
  sources         list what can be streamed
  encoders        list what can encode here, what each can do, and why others can't
  zerocopy-probe  say how this machine will bring frames to the encoder, and why not better

options:
  -h, --help     print this and exit; after a command: about that command
  -V, --version  print the version and exit

examples:
  lumen-host sources
  lumen-host stream --sink web          # then open http://127.0.0.1:8000/
  lumen-host stream --sink file:session.mp4
  lumen-host stream --source gamescope --sink rtp:192.168.1.20:5004 --sdp game.sdp
  lumen-host stream --source synthetic --sink file:test.mkv --duration 10

The manual is lumen-host(1).
)";
}

std::string stream_help() {
  return "Captures a source, encodes it and sends it to one sink or several. Stop with Ctrl-C.\n\n"
         "usage: lumen-host stream [OPTION...] --sink SINK [--sink SINK...]\n\noptions:\n" +
         option_lines() +
         R"(
examples:
  lumen-host stream --source gamescope --sink web --bitrate 15M
  lumen-host stream --source gamescope --sink file:game.mp4 --bitrate 30M
  lumen-host stream --sink file:session.mp4 --sink rtp:127.0.0.1:5004 --sdp live.sdp
  lumen-host stream --source synthetic:1280x720@60 --frames 600 --sink file:test.mkv
  lumen-host stream --size 1280x720 --fps 30 --profile baseline --sink rtp:10.0.0.7:5004

The configuration file is TOML; its keys are the options' names: bitrate = "20M".
)";
}

std::string sources_help() {
  return R"(Lists what can be streamed.

usage: lumen-host sources [--json]

options:
      --json            a JSON array for scripts
  -h, --help            print this and exit

examples:
  lumen-host sources
  lumen-host sources --json | jq -r '.[].source'
)";
}

std::string encoders_help() {
  return R"(Lists what can encode here, codec by codec, best first: each is tried with a picture, in a
process of its own. Says what each can do, and why others can't.

usage: lumen-host encoders [--json]

options:
      --json            one JSON object for scripts
  -h, --help            print this and exit

examples:
  lumen-host encoders
  lumen-host encoders --json | jq -r '.encoders[] | select(.ok) | .backend + " " + .codec'
)";
}

std::string probe_help() {
  return R"(Says which import route this machine takes, proves each with a real picture, and ends with
one sentence on what to change for a better one. Works without a GPU, too.

usage: lumen-host zerocopy-probe [--json]

options:
      --json            one JSON object for scripts
  -h, --help            print this and exit

examples:
  lumen-host zerocopy-probe
  lumen-host zerocopy-probe --json | jq -r .summary
)";
}

std::string version_text() { return "lumen-host " LUMEN_VERSION "\n"; }

}  // namespace lumen
