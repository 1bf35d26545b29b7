#include "harness/portal.h"

#include <filesystem>
#include <fstream>
#include <utility>

namespace lumen::session {
namespace fs = std::filesystem;
namespace {

constexpr Milliseconds kPortalStart{20000};
constexpr const char* kPortalName = "org.freedesktop.portal.Desktop";
constexpr const char* kStoreName = "org.freedesktop.impl.portal.PermissionStore";
constexpr const char* kDesktop = "lumentest";

/// Debian and Fedora, then Arch.
std::optional<fs::path> find_service(const char* program) {
  for (const char* folder : {"/usr/libexec", "/usr/lib"}) {
    if (fs::exists(fs::path(folder) / program)) return fs::path(folder) / program;
  }
  return std::nullopt;
}

Result<void> write(const fs::path& path, const std::string& text) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) return fail(ErrorKind::kIo, "can't write " + path.string());
  return {};
}

}  // namespace

Result<std::unique_ptr<Portal>> Portal::start(PrivateSession& session,
                                              std::vector<std::string> script, Backend backend) {
  std::unique_ptr<Portal> self(new Portal(session));
  if (auto done = self->configure(backend); !done) return tl::unexpected(done.error());
  if (auto done = self->start_store(); !done) return tl::unexpected(done.error());
  if (backend == Backend::kRuns) {
    if (auto done = self->start_backend(std::move(script)); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (auto done = self->start_portal(); !done) return tl::unexpected(done.error());
  return self;
}

Portal::~Portal() {
  portal_.reset();
  backend_.reset();
  store_.reset();
  // The next portal must not find these names taken.
  eventually(kPortalStart, [this] { return !is_on_bus(kPortalName) && !is_on_bus(kStoreName); });
}

Result<void> Portal::configure(Backend backend) const {
  const fs::path folder = session_.dir() / "portals";
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  fs::create_directories(folder, ignored);
  if (backend != Backend::kNone) {
    auto done = write(folder / "lumentest.portal",
                      "[portal]\n"
                      "DBusName=org.freedesktop.impl.portal.desktop.lumentest\n"
                      "Interfaces=org.freedesktop.impl.portal.ScreenCast;\n"
                      "UseIn=lumentest\n");
    if (!done) return done;
  }
  // From 1.17 on this, and no longer UseIn, chooses.
  return write(session_.dir() / "config/xdg-desktop-portal/lumentest-portals.conf",
               "[preferred]\ndefault=lumentest\n");
}

Result<void> Portal::start_store() {
  const auto program = find_service("xdg-permission-store");
  if (!program) return fail(ErrorKind::kUnsupported, "xdg-desktop-portal isn't installed");
  auto store = session_.spawn({program->string()});
  if (!store) return tl::unexpected(store.error());
  store_ = std::move(*store);
  if (!eventually(kPortalStart, [this] { return is_on_bus(kStoreName); })) {
    return fail(ErrorKind::kIo, "xdg-permission-store isn't ready: " + store_->log_text());
  }
  return {};
}

Result<void> Portal::start_backend(std::vector<std::string> script) {
  script.insert(script.begin(), LUMEN_PORTAL_BACKEND);
  auto backend = session_.spawn(std::move(script), StandardOutput::kPipe);
  if (!backend) return tl::unexpected(backend.error());
  backend_ = std::move(*backend);
  if (!backend_->read_value("ready", kPortalStart)) {
    return fail(ErrorKind::kIo, "the portal's backend isn't ready: " + backend_->log_text());
  }
  return {};
}

Result<void> Portal::start_portal() {
  const auto program = find_service("xdg-desktop-portal");
  if (!program) return fail(ErrorKind::kUnsupported, "xdg-desktop-portal isn't installed");
  auto portal = session_.spawn(
      {program->string()}, StandardOutput::kLog,
      {{"XDG_DESKTOP_PORTAL_DIR", session_.dir() / "portals"}, {"XDG_CURRENT_DESKTOP", kDesktop}});
  if (!portal) return tl::unexpected(portal.error());
  portal_ = std::move(*portal);
  if (!eventually(kPortalStart, [this] { return is_on_bus(kPortalName); })) {
    return fail(ErrorKind::kIo, "xdg-desktop-portal isn't ready: " + portal_->log_text());
  }
  return {};
}

void Portal::kill_portal() {
  portal_->kill();
  eventually(kPortalStart, [this] { return !is_on_bus(kPortalName); });
}

bool Portal::is_on_bus(const std::string& name) {
  const auto answer = session_.output_of({"dbus-send", "--session", "--print-reply=literal",
                                          "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                                          "org.freedesktop.DBus.NameHasOwner", "string:" + name});
  return answer && answer->find("boolean true") != std::string::npos;
}

}  // namespace lumen::session
