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

/// What does not fit beside its explanation stands on a line of its own.
std::string beside_help(std::string head) {
  if (head.size() >= kHelpColumn) return head + '\n' + std::string(kHelpColumn, ' ');
  head.resize(kHelpColumn, ' ');
  return head;
}

std::string option_lines() {
  std::string result;
  for (const StreamOption& option : stream_options_table()) {
    const std::string letter = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
    const std::string value =
        option.value_name.empty() ? std::string() : fmt::format(" {}", option.value_name);
    fmt::format_to(std::back_inserter(result), "{}{}\n",
                   beside_help(fmt::format("  {}--{}{}", letter, option.name, value)),
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
  status          say what a running host does
  ctl             add and remove sinks of a running host, change bit rate, codec and size
  stop            end a running host
  config          check the configuration file, show what is in effect
  doctor          look for what keeps lumen from working here, and say what to do

options:
  -h, --help     print this and exit; after a command: about that command
  -V, --version  print the version and exit

examples:
  lumen-host sources
  lumen-host stream                     # then open http://127.0.0.1:8000/
  lumen-host stream --sink file:session.mp4
  lumen-host stream --source gamescope --sink rtp:192.168.1.20:5004 --sdp game.sdp
  lumen-host stream --source synthetic --sink file:test.mkv --duration 10
  lumen-host ctl add-sink file:clip.mp4

The manual is lumen-host(1).
)";
}

std::string stream_help() {
  return "Captures a source, encodes it and sends it to one sink or several. Stop with Ctrl-C.\n\n"
         "usage: lumen-host stream [OPTION...] [--sink SINK...]\n\noptions:\n" +
         option_lines() +
         R"(
examples:
  lumen-host stream --source gamescope --sink web --bitrate 15M
  lumen-host stream --source gamescope --sink file:game.mp4 --bitrate 30M
  lumen-host stream --sink file:session.mp4 --sink rtp:127.0.0.1:5004 --sdp live.sdp
  lumen-host stream --source synthetic:1280x720@60 --frames 600 --sink file:test.mkv
  lumen-host stream --size 1280x720 --fps 30 --profile baseline --sink rtp:10.0.0.7:5004

The configuration file is TOML; its keys are the options' names: bitrate = "20M". What stands in
a table [setup.couch] is added by --setup couch. SIGHUP has it read again while streaming.
)";
}

namespace {

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

std::string status_help() {
  return R"(Says what a running host does.

usage: lumen-host status [--watch] [--json] [--name NAME]

options:
      --watch           again each second, until Ctrl-C
      --json            one JSON object a line, as of 'stream --stats json'
      --name NAME       of this host (default: the only one that runs)
  -h, --help            print this and exit

examples:
  lumen-host status --watch
  lumen-host status --json | jq .encoder
)";
}

std::string ctl_help() {
  return R"(Has a running host do something. What is encoded once reaches all sinks; those that can't
follow a new codec or size are finished and named.

usage: lumen-host ctl [--json] [--name NAME] VERB [VALUE]

verbs:
  add-sink SINK     as --sink of 'lumen-host stream'; prints its number
  remove-sink ID    finish this one; 'lumen-host status' has the numbers
  bitrate RATE      such as 10M
  codec CODEC       h264, hevc or av1
  size WxH          such as 1280x720
  key-frame         send one now
  stop, start       let go of the source, and take it up again; sinks stay
  reload            read the configuration again, as SIGHUP does
  quit              end, as 'lumen-host stop' does

options:
      --json            the answer as JSON
      --name NAME       this host (default: the only one that runs)
  -h, --help            print this and exit

examples:
  lumen-host ctl add-sink file:clip.mp4
  lumen-host ctl bitrate 10M
)";
}

std::string stop_help() {
  return R"(Ends a running host at once; its recordings are complete. Returns when it has ended.

usage: lumen-host stop [--json] [--name NAME]

options:
      --json            the answer as JSON
      --name NAME       this host (default: the only one that runs)
  -h, --help            print this and exit

examples:
  lumen-host stop
  lumen-host stop --name couch
)";
}

std::string config_help() {
  return R"(Checks the configuration file and its setups, or shows the settings that are in effect and
where each stands.

usage: lumen-host config check [FILE]
       lumen-host config show [FILE] [--setup NAME]

options:
      --setup NAME      with what the file has in its table [setup.NAME]
  -h, --help            print this and exit

examples:
  lumen-host config check
  lumen-host config show --setup couch
)";
}

std::string doctor_help() {
  return R"(Looks at session, PipeWire, portal, permissions, GPU, encoders, ports, configuration and
service, and says what to do where something is missing. Ends with status 11 where something is.

usage: lumen-host doctor [--json] [--report FILE] [--name NAME]

options:
      --json            one JSON object for scripts
      --report FILE     write what was found here too, without secrets, for a bug report
      --name NAME       look at this host's service (default: host)
  -h, --help            print this and exit

examples:
  lumen-host doctor
  lumen-host doctor --report report.txt
  lumen-host doctor --json | jq -r '.findings[] | select(.verdict != "good") | .text'
)";
}

}  // namespace

std::string tool_help(std::string_view command) {
  if (command == "sources") return sources_help();
  if (command == "encoders") return encoders_help();
  if (command == "zerocopy-probe") return probe_help();
  if (command == "status") return status_help();
  if (command == "ctl") return ctl_help();
  if (command == "stop") return stop_help();
  if (command == "config") return config_help();
  return doctor_help();
}

std::string version_text() { return "lumen-host " LUMEN_VERSION "\n"; }

}  // namespace lumen
