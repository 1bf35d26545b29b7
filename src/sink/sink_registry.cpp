#include "sink/sink_registry.h"

#include <array>

#ifndef _WIN32
#include "sink/file/file_sink.h"
#include "sink/web/web_sink.h"
#include "sink/whip/whip_sink.h"
#endif

namespace lumen {
namespace {

template <typename Created>
Result<std::unique_ptr<Sink>> upcast(Result<std::unique_ptr<Created>> created) {
  if (!created) return tl::unexpected(created.error());
  return std::unique_ptr<Sink>(*std::move(created));
}

constexpr auto kKinds = std::to_array<SinkKind>({
#ifndef _WIN32
    {"file", "file:PATH[?format=mp4|mkv|h264|hevc]",
     "record; the container follows the extension, - is standard output (mkv)",
     [](const SinkSpec& spec) { return upcast(FileSink::create(std::get<FileSettings>(spec))); }},
#endif
    {"rtp", "rtp:HOST:PORT[?pt=N&ssrc=N&mtu=N&mux=1&sdp=PATH…]",
     "send plain RTP over UDP, RTCP over the next port or (mux) the same",
     [](const SinkSpec& spec) { return upcast(RtpSink::create(std::get<RtpSettings>(spec))); }},
#ifndef _WIN32
    {"web", "web[:ADDRESS:PORT][?token=on&token-file=PATH&cert=PATH&key=PATH]",
     "serve a page that plays the stream in a browser",
     [](const SinkSpec& spec) { return upcast(WebSink::create(std::get<WebSettings>(spec))); }},
    {"whip", "whip:URL[?token=TOKEN]", "publish to a WHIP endpoint of a media server",
     [](const SinkSpec& spec) { return upcast(WhipSink::create(std::get<WhipSettings>(spec))); }},
#endif
});

std::string_view scheme_of(const SinkSpec& spec) {
  if (std::holds_alternative<FileSettings>(spec)) return "file";
  if (std::holds_alternative<WhipSettings>(spec)) return "whip";
  return std::holds_alternative<RtpSettings>(spec) ? "rtp" : "web";
}

}  // namespace

std::span<const SinkKind> sink_kinds() { return kKinds; }

Result<std::unique_ptr<Sink>> create_sink(const SinkSpec& spec) {
  const std::string_view scheme = scheme_of(spec);
  for (const SinkKind& kind : kKinds) {
    if (kind.scheme == scheme) return kind.create(spec);
  }
  return fail(ErrorKind::kUnsupported, "this build has no " + std::string(scheme) + " sink");
}

Result<std::unique_ptr<Sink>> create_sink(std::string_view spec) {
  const auto parsed = parse_sink_spec(spec);
  if (!parsed) return tl::unexpected(parsed.error());
  return create_sink(*parsed);
}

}  // namespace lumen
