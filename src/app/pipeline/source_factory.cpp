#include "app/pipeline/source_factory.h"

#include <optional>

#include "app/pipeline/awaited_source.h"
#include "app/pipeline/source_choice.h"
#include "capture/audio/synthetic_sound.h"
#include "capture/pipewire/pipewire_audio_source.h"
#include "capture/pipewire/pipewire_source.h"
#include "capture/session/kwin/kwin_cast.h"
#include "capture/session/mutter/mutter_cast.h"
#include "capture/session/portal/portal_cast.h"
#include "capture/session/screen_cast_source.h"
#include "capture/synthetic/synthetic_source.h"
#include "core/log.h"

namespace lumen {
namespace {

using Created = Result<std::unique_ptr<CaptureSource>>;

std::unique_ptr<CaptureSource> from_node(pipewire::PipeWireSourceSettings settings) {
  return std::make_unique<pipewire::PipeWireSource>(std::move(settings));
}

std::optional<session::PortalSourceType> type_of(PortalShare share) {
  switch (share) {
    case PortalShare::kAnything: return std::nullopt;
    case PortalShare::kMonitor: return session::PortalSourceType::kMonitor;
    case PortalShare::kWindow: return session::PortalSourceType::kWindow;
    case PortalShare::kVirtual: return session::PortalSourceType::kVirtual;
  }
  return std::nullopt;
}

/// One row for each kind of source that is a PipeWire node of its own, or none of PipeWire's.
struct Create {
  SourceSettings settings;

  Created operator()(const AutoSource&) const {
    auto source = best_source();
    if (source || settings.absent == AbsentSource::kIsError) return source;
    if (!session::is_passing(source.error())) return source;
    log::area("capture").info("auto: nothing yet ({})", source.error().message);
    return std::make_unique<AwaitedSource>([create = *this] { return create.best_source(); });
  }
  Created operator()(const NodeSource& node) const { return std::visit(*this, node.which); }
  Created operator()(const NodeName& name) const {
    return from_node({.node = pipewire::NodeName{name.value}, .absent = settings.absent});
  }
  Created operator()(const NodeId& id) const {
    return from_node({.node = pipewire::NodeId{id.value}, .absent = settings.absent});
  }
  Created operator()(const NodeSerial& serial) const {
    return from_node({.node = pipewire::NodeSerial{serial.value}, .absent = settings.absent});
  }
  Created operator()(const GamescopeSource& gamescope) const {
    return from_node({.node = pipewire::GamescopeNode{gamescope.number},
                      .absent = AbsentSource::kIsAwaited,
                      .ambiguous = settings.absent,
                      .wishes = {.largest = gamescope.largest, .app_id = gamescope.app_id}});
  }
  Created operator()(const SyntheticSpec& synthetic) const {
    auto pattern = parse_synthetic_spec(synthetic.spec);
    if (!pattern) return tl::unexpected(std::move(pattern.error()));
    return std::make_unique<SyntheticSource>(*pattern);
  }
  template <typename CastSource>
  Created operator()(const CastSource& source) const {
    return std::make_unique<session::ScreenCastSource>(
        create_cast(source, settings),
        session::ScreenCastSourceSettings{.absent = settings.absent, .capture = {}});
  }

  [[nodiscard]] Created best_source() const {
    auto around = look_around();
    if (!around) return tl::unexpected(std::move(around.error()));
    auto choice = choose_source(*around, settings.absent);
    if (!choice && choice.error().kind == ErrorKind::kNotFound) {
      (void)look_for_portal(*around);
      choice = choose_source(*around, settings.absent);
    }
    if (!choice) return tl::unexpected(std::move(choice.error()));
    log::area("capture").info("auto: {}, {}", to_string(choice->spec), choice->why);
    return create_source(choice->spec, settings);
  }
};

/// One row for each way to ask for a cast.
struct CreateCast {
  using Cast = std::unique_ptr<session::ScreenCast>;
  const SourceSettings& settings;

  Cast operator()(const KwinSource& kwin) const {
    return std::make_unique<kwin::KwinCast>(kwin::KwinCastSettings{
        .target = kwin.target, .cursor = settings.cursor, .absent = settings.absent});
  }
  Cast operator()(const MutterSource& mutter) const {
    return std::make_unique<mutter::MutterCast>(mutter::MutterCastSettings{
        .target = mutter.target, .cursor = settings.cursor, .absent = settings.absent});
  }
  Cast operator()(const PortalSource& portal) const {
    return std::make_unique<session::PortalCast>(session::PortalSettings{
        .type = type_of(portal.share),
        .cursor = settings.cursor,
        .host = settings.host == control::kDefaultName ? "" : settings.host});
  }
  template <typename OtherSource>
  Cast operator()(const OtherSource&) const {
    return nullptr;
  }
};

struct CreateAudio {
  using Created = Result<std::unique_ptr<AudioSource>>;
  const SourceSpec& picture;

  Created operator()(const AutoAudio&) const {
    if (std::holds_alternative<SyntheticSpec>(picture)) return nullptr;
    return from(pipewire::AnyNode{});
  }
  Created operator()(const NoAudio&) const { return nullptr; }
  Created operator()(const NodeSource& node) const { return std::visit(*this, node.which); }
  Created operator()(const NodeName& name) const { return from(pipewire::NodeName{name.value}); }
  Created operator()(const NodeId& id) const { return from(pipewire::NodeId{id.value}); }
  Created operator()(const NodeSerial& serial) const {
    return from(pipewire::NodeSerial{serial.value});
  }
  Created operator()(const SyntheticAudio& synthetic) const {
    auto settings = parse_synthetic_sound(synthetic.spec);
    if (!settings) return tl::unexpected(std::move(settings.error()));
    return std::make_unique<SyntheticSound>(*settings);
  }

  static Created from(pipewire::NodeSelector selector) {
    return std::make_unique<pipewire::PipeWireAudioSource>(std::move(selector));
  }
};

}  // namespace

Result<std::unique_ptr<CaptureSource>> create_source(const SourceSpec& spec,
                                                     const SourceSettings& settings) {
  return std::visit(Create{settings}, spec);
}

std::unique_ptr<session::ScreenCast> create_cast(const SourceSpec& spec,
                                                 const SourceSettings& settings) {
  return std::visit(CreateCast{settings}, spec);
}

Result<std::unique_ptr<AudioSource>> create_audio_source(const AudioSpec& spec,
                                                         const SourceSpec& picture) {
  return std::visit(CreateAudio{picture}, spec);
}

}  // namespace lumen
