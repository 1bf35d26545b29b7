#include "app/pipeline/source_factory.h"

#include "capture/audio/synthetic_sound.h"
#include "capture/pipewire/pipewire_audio_source.h"
#include "capture/pipewire/pipewire_source.h"
#include "capture/synthetic/synthetic_source.h"

namespace lumen {
namespace {

struct Create {
  using Created = Result<std::unique_ptr<CaptureSource>>;

  Created operator()(const AutoSource&) const { return from(pipewire::AnyNode{}); }
  Created operator()(const NodeSource& node) const { return std::visit(*this, node.which); }
  Created operator()(const NodeName& name) const { return from(pipewire::NodeName{name.value}); }
  Created operator()(const NodeId& id) const { return from(pipewire::NodeId{id.value}); }
  Created operator()(const NodeSerial& serial) const {
    return from(pipewire::NodeSerial{serial.value});
  }
  Created operator()(const SyntheticSpec& synthetic) const {
    auto settings = parse_synthetic_spec(synthetic.spec);
    if (!settings) return tl::unexpected(std::move(settings.error()));
    return std::make_unique<SyntheticSource>(*settings);
  }

  static Created from(pipewire::NodeSelector selector) {
    return std::make_unique<pipewire::PipeWireSource>(std::move(selector));
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

Result<std::unique_ptr<CaptureSource>> create_source(const SourceSpec& spec) {
  return std::visit(Create{}, spec);
}

Result<std::unique_ptr<AudioSource>> create_audio_source(const AudioSpec& spec,
                                                         const SourceSpec& picture) {
  return std::visit(CreateAudio{picture}, spec);
}

}  // namespace lumen
