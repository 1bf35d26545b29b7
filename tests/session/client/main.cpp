// A full-screen Wayland client that draws the next frame of the test pattern whenever the
// compositor asks for one. Usage: lumen-pattern-client [--fresh-buffers WxH] [--output NAME]
// [TITLE]. Ends with SIGTERM or with the compositor. With --fresh-buffers every frame comes in a
// wl_buffer of its own, as gamescope's headless backend was seen to need, and WxH is the size where
// the compositor leaves it to the client. --output names where it shall be; there must be one.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include <sys/mman.h>
#include <unistd.h>
#include <wayland-client.h>

#include "capture/synthetic/pattern.h"
#include "platform/linux/unique_fd.h"
#include "xdg-shell-client-protocol.h"

namespace lumen {
namespace {

struct Buffer {
  wl_buffer* buffer = nullptr;
  PixelsView view;
  bool busy = false;
  bool drawn = false;  // has the static part
};

struct Client {
  wl_compositor* compositor = nullptr;
  wl_shm* shm = nullptr;
  xdg_wm_base* shell = nullptr;
  std::string wanted_output;
  wl_output* output = nullptr;  // of that name
  wl_surface* surface = nullptr;
  Extent size;
  std::optional<PatternPainter> painter;
  bool fresh_buffers = false;
  Extent own_size;  // empty: the compositor must give one
  wl_shm_pool* pool = nullptr;
  std::array<Buffer, 3> buffers;
  std::uint32_t number = 0;
  bool closed = false;
};

const wl_buffer_listener kBufferListener = {
    .release = [](void* data, wl_buffer*) { static_cast<Buffer*>(data)->busy = false; }};

void make_buffer(Client& client, std::size_t index) {
  const std::uint32_t pitch = client.size.width * 4;
  const std::size_t bytes = std::size_t{pitch} * client.size.height;
  Buffer& buffer = client.buffers[index];
  if (buffer.buffer != nullptr) wl_buffer_destroy(buffer.buffer);
  buffer.buffer = wl_shm_pool_create_buffer(
      client.pool, static_cast<std::int32_t>(index * bytes),
      static_cast<std::int32_t>(client.size.width), static_cast<std::int32_t>(client.size.height),
      static_cast<std::int32_t>(pitch), WL_SHM_FORMAT_XRGB8888);
  wl_buffer_add_listener(buffer.buffer, &kBufferListener, &buffer);
}

bool make_buffers(Client& client) {
  const std::uint32_t pitch = client.size.width * 4;
  const std::size_t bytes = std::size_t{pitch} * client.size.height;
  UniqueFd fd = UniqueFd::take(::memfd_create("lumen-pattern", MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.borrow(), static_cast<off_t>(bytes * client.buffers.size())) != 0) {
    return false;
  }
  void* memory = ::mmap(nullptr, bytes * client.buffers.size(), PROT_READ | PROT_WRITE, MAP_SHARED,
                        fd.borrow(), 0);
  if (memory == MAP_FAILED) return false;
  client.pool = wl_shm_create_pool(client.shm, fd.borrow(),
                                   static_cast<std::int32_t>(bytes * client.buffers.size()));
  for (std::size_t i = 0; i < client.buffers.size(); ++i) {
    Buffer& buffer = client.buffers[i];
    buffer.view = view_pixels(static_cast<std::uint8_t*>(memory) + i * bytes, Fourcc::kBGRx,
                              client.size, Pitch{pitch});
    make_buffer(client, i);
  }
  client.painter.emplace(Fourcc::kBGRx, client.size);
  return true;
}

void draw(Client& client);

const wl_callback_listener kFrameListener = {
    .done = [](void* data, wl_callback* callback, std::uint32_t) {
      wl_callback_destroy(callback);
      draw(*static_cast<Client*>(data));
    }};

void draw(Client& client) {
  for (std::size_t i = 0; i < client.buffers.size(); ++i) {
    Buffer& buffer = client.buffers[i];
    if (buffer.busy) continue;
    if (client.fresh_buffers) make_buffer(client, i);
    if (!std::exchange(buffer.drawn, true)) client.painter->draw_static(buffer.view);
    client.painter->draw_moving(client.number++, buffer.view);
    buffer.busy = true;
    wl_surface_attach(client.surface, buffer.buffer, 0, 0);
    break;
  }
  wl_surface_damage_buffer(client.surface, 0, 0, INT32_MAX, INT32_MAX);
  wl_callback_add_listener(wl_surface_frame(client.surface), &kFrameListener, &client);
  wl_surface_commit(client.surface);
}

const xdg_wm_base_listener kShellListener = {
    .ping = [](void*, xdg_wm_base* shell, std::uint32_t serial) {
      xdg_wm_base_pong(shell, serial);
    }};

const wl_output_listener kOutputListener = {
    .geometry = [](auto...) {},
    .mode = [](auto...) {},
    .done = [](auto...) {},
    .scale = [](auto...) {},
    .name =
        [](void* data, wl_output* output, const char* name) {
          auto& client = *static_cast<Client*>(data);
          if (client.wanted_output == name) client.output = output;
        },
    .description = [](auto...) {},
};

const wl_registry_listener kRegistryListener = {
    .global =
        [](void* data, wl_registry* registry, std::uint32_t name, const char* interface,
           std::uint32_t version) {
          auto& client = *static_cast<Client*>(data);
          const std::string type = interface;
          const auto bind = [&](const wl_interface* wanted, std::uint32_t wanted_version) {
            return wl_registry_bind(registry, name, wanted, wanted_version);
          };
          if (type == wl_compositor_interface.name) {
            client.compositor = static_cast<wl_compositor*>(bind(&wl_compositor_interface, 4));
          } else if (type == wl_shm_interface.name) {
            client.shm = static_cast<wl_shm*>(bind(&wl_shm_interface, 1));
          } else if (type == xdg_wm_base_interface.name) {
            client.shell = static_cast<xdg_wm_base*>(bind(&xdg_wm_base_interface, 1));
          } else if (type == wl_output_interface.name && !client.wanted_output.empty() &&
                     version >= WL_OUTPUT_NAME_SINCE_VERSION) {
            auto* output =
                static_cast<wl_output*>(bind(&wl_output_interface, WL_OUTPUT_NAME_SINCE_VERSION));
            wl_output_add_listener(output, &kOutputListener, &client);
          }
        },
    .global_remove = [](void*, wl_registry*, std::uint32_t) {}};

const xdg_toplevel_listener kToplevelListener = {
    .configure =
        [](void* data, xdg_toplevel*, std::int32_t width, std::int32_t height, wl_array*) {
          auto& client = *static_cast<Client*>(data);
          if (client.size.empty() && width > 0 && height > 0) {
            client.size = {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
          }
        },
    .close = [](void* data, xdg_toplevel*) { static_cast<Client*>(data)->closed = true; },
    .configure_bounds = nullptr,
    .wm_capabilities = nullptr};

const xdg_surface_listener kSurfaceListener = {
    .configure = [](void* data, xdg_surface* surface, std::uint32_t serial) {
      auto& client = *static_cast<Client*>(data);
      xdg_surface_ack_configure(surface, serial);
      if (client.size.empty()) client.size = client.own_size;
      if (client.painter || client.size.empty()) return;
      if (!make_buffers(client)) {
        client.closed = true;
        return;
      }
      draw(client);
    }};

struct Wishes {
  bool fresh_buffers = false;
  Extent own_size;
  std::string output;
  const char* title = "lumen test pattern";
};

int run(const Wishes& wishes) {
  std::unique_ptr<wl_display, void (*)(wl_display*)> display(wl_display_connect(nullptr),
                                                             wl_display_disconnect);
  if (!display) {
    std::fprintf(stderr, "lumen-pattern-client: no Wayland display: %s\n", std::strerror(errno));
    return 1;
  }
  Client client;
  client.fresh_buffers = wishes.fresh_buffers;
  client.own_size = wishes.own_size;
  client.wanted_output = wishes.output;
  wl_registry_add_listener(wl_display_get_registry(display.get()), &kRegistryListener, &client);
  // The first tells of the globals, the second of the outputs' names.
  wl_display_roundtrip(display.get());
  wl_display_roundtrip(display.get());
  if (!wishes.output.empty() && client.output == nullptr) {
    std::fprintf(stderr, "lumen-pattern-client: no output %s\n", wishes.output.c_str());
    return 1;
  }
  if (client.compositor == nullptr || client.shm == nullptr || client.shell == nullptr) {
    std::fprintf(stderr, "lumen-pattern-client: the compositor lacks wl_shm or xdg_wm_base\n");
    return 1;
  }
  xdg_wm_base_add_listener(client.shell, &kShellListener, nullptr);
  client.surface = wl_compositor_create_surface(client.compositor);
  xdg_surface* surface = xdg_wm_base_get_xdg_surface(client.shell, client.surface);
  xdg_surface_add_listener(surface, &kSurfaceListener, &client);
  xdg_toplevel* toplevel = xdg_surface_get_toplevel(surface);
  xdg_toplevel_add_listener(toplevel, &kToplevelListener, &client);
  xdg_toplevel_set_title(toplevel, wishes.title);
  xdg_toplevel_set_app_id(toplevel, "lumen-pattern-client");
  xdg_toplevel_set_fullscreen(toplevel, client.output);
  wl_surface_commit(client.surface);
  while (!client.closed && wl_display_dispatch(display.get()) != -1) {
  }
  return 0;
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) {
  lumen::Wishes wishes;
  int next = 1;
  for (; next + 1 < argc; next += 2) {
    const std::string option = argv[next];
    if (option == "--fresh-buffers") {
      wishes.fresh_buffers = std::sscanf(argv[next + 1], "%ux%u", &wishes.own_size.width,
                                         &wishes.own_size.height) == 2;
    } else if (option == "--output") {
      wishes.output = argv[next + 1];
    } else {
      break;
    }
  }
  if (next < argc) wishes.title = argv[next];
  return lumen::run(wishes);
}
