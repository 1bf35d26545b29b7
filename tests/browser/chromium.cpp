#include "chromium.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

namespace lumen::browser {
namespace {

using Clock = std::chrono::steady_clock;

// Both ends are held open, so that opening waits for nobody.
Result<UniqueFd> make_pipe(const std::filesystem::path& path) {
  if (::mkfifo(path.c_str(), 0600) != 0) return fail_errno(ErrorKind::kIo, "mkfifo", errno);
  auto fd = UniqueFd::take(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(ErrorKind::kIo, "open", errno);
  return fd;
}

}  // namespace

Chromium::Chromium(session::Process process, UniqueFd to, UniqueFd from)
    : process_(std::move(process)), to_(std::move(to)), from_(std::move(from)) {}

Result<std::unique_ptr<Chromium>> Chromium::start(const std::filesystem::path& dir) {
  if (!session::find_program("chromium")) {
    return fail(ErrorKind::kUnsupported, "chromium is not installed", "apt-get install chromium");
  }
  std::filesystem::create_directories(dir);
  auto to = make_pipe(dir / "to");
  if (!to) return tl::unexpected(std::move(to.error()));
  auto from = make_pipe(dir / "from");
  if (!from) return tl::unexpected(std::move(from.error()));
  auto env = session::inherited_environment();
  env["HOME"] = dir.string();
  auto process = session::Process::spawn(
      {.argv = {"sh", "-c", "exec \"$@\" 3<\"$0/to\" 4>\"$0/from\"", dir.string(), "chromium",
                "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run",
                "--disable-gpu", "--disable-extensions", "--disable-background-networking",
                "--disable-component-update", "--disable-dev-shm-usage", "--mute-audio",
                "--user-data-dir=" + (dir / "profile").string(), "about:blank"},
       .env = env,
       .log = dir / "chromium.log"});
  if (!process) return tl::unexpected(std::move(process.error()));
  std::unique_ptr<Chromium> self(
      new Chromium(std::move(*process), std::move(*to), std::move(*from)));
  // It answers once it is up.
  if (auto version = self->command("", "Browser.getVersion", json::object()); !version) {
    return with_context("chromium: " + self->process_.log_text(), std::move(version.error()));
  }
  return self;
}

Result<json> Chromium::receive(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    if (const auto end = buffered_.find('\0'); end != std::string::npos) {
      json message = json::parse(buffered_.substr(0, end), nullptr, false);
      buffered_.erase(0, end + 1);
      if (message.is_discarded()) return fail(ErrorKind::kIo, "chromium sent no JSON");
      return message;
    }
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return fail(ErrorKind::kRetry, "chromium does not answer");
    if (!process_.running()) return fail(ErrorKind::kIo, "chromium has ended");
    pollfd readable{.fd = from_.borrow(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, static_cast<int>(std::min<std::int64_t>(left, 500))) <= 0) continue;
    char chunk[65536];
    const auto size = ::read(from_.borrow(), chunk, sizeof chunk);
    if (size <= 0) return fail_errno(ErrorKind::kIo, "read", errno);
    buffered_.append(chunk, static_cast<std::size_t>(size));
  }
}

Result<json> Chromium::command(const std::string& tab, const std::string& method, json parameters,
                               Milliseconds timeout) {
  const int id = ++last_id_;
  json message = {{"id", id}, {"method", method}, {"params", std::move(parameters)}};
  if (!tab.empty()) message["sessionId"] = tab;
  std::string text = message.dump();
  text.push_back('\0');
  for (std::size_t sent = 0; sent < text.size();) {
    const auto size = ::write(to_.borrow(), text.data() + sent, text.size() - sent);
    if (size <= 0) return fail_errno(ErrorKind::kIo, "write", errno);
    sent += static_cast<std::size_t>(size);
  }
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now());
    auto reply = receive(std::max(left, Milliseconds(1)));
    if (!reply) return with_context(method, std::move(reply.error()));
    if (reply->value("id", 0) != id) continue;  // an event, or a late answer
    if (reply->contains("error")) {
      return fail(ErrorKind::kIo, method + ": " + (*reply)["error"].dump());
    }
    return (*reply)["result"];
  }
}

Result<std::string> Chromium::open(const std::string& url, int width, int height) {
  auto target = command("", "Target.createTarget", {{"url", "about:blank"}});
  if (!target) return tl::unexpected(std::move(target.error()));
  auto attached = command("", "Target.attachToTarget",
                          {{"targetId", (*target)["targetId"]}, {"flatten", true}});
  if (!attached) return tl::unexpected(std::move(attached.error()));
  const std::string tab = (*attached)["sessionId"];
  auto sized = command(
      tab, "Emulation.setDeviceMetricsOverride",
      {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", width < 600}});
  if (!sized) return tl::unexpected(std::move(sized.error()));
  if (auto gone = navigate(tab, url); !gone) return tl::unexpected(std::move(gone.error()));
  return tab;
}

Result<void> Chromium::navigate(const std::string& tab, const std::string& url) {
  auto done = command(tab, "Page.navigate", {{"url", url}});
  if (!done) return tl::unexpected(std::move(done.error()));
  if (done->contains("errorText")) {
    return fail(ErrorKind::kIo, url + ": " + (*done)["errorText"].get<std::string>());
  }
  return {};
}

Result<json> Chromium::evaluate(const std::string& tab, const std::string& expression,
                                Milliseconds timeout) {
  auto result = command(
      tab, "Runtime.evaluate",
      {{"expression", expression}, {"awaitPromise", true}, {"returnByValue", true}}, timeout);
  if (!result) return result;
  if (result->contains("exceptionDetails")) {
    return fail(ErrorKind::kIo, "JavaScript: " + (*result)["exceptionDetails"].dump());
  }
  return (*result)["result"].value("value", json());
}

Result<void> Chromium::screenshot(const std::string& tab, const std::filesystem::path& png) {
  auto made = command(tab, "Page.captureScreenshot", {{"format", "png"}});
  if (!made) return tl::unexpected(std::move(made.error()));
  gsize size = 0;
  guchar* const bytes = g_base64_decode((*made)["data"].get<std::string>().c_str(), &size);
  std::ofstream(png, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  g_free(bytes);
  return {};
}

}  // namespace lumen::browser
