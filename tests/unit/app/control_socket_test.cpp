// Who may have a host's name, and who may come in.
#include "app/control/control_socket.h"

#include <cstring>
#include <filesystem>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/control/socket_path.h"

namespace lumen::control {
namespace {

namespace fs = std::filesystem;

class ControlSockets : public testing::Test {
 protected:
  ControlSockets()
      : folder_(fs::path(testing::TempDir()) /
                ("lumen-control-" + std::to_string(std::random_device{}()))) {}
  ~ControlSockets() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  [[nodiscard]] UniqueFd connect(const std::string& name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path(folder_, name).c_str(),
                 sizeof(address.sun_path) - 1);
    auto fd = UniqueFd::take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.borrow(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      return {};
    }
    return fd;
  }
  static unsigned mode(const fs::path& path) {
    struct stat about{};
    return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 0777U : 0;
  }

  fs::path folder_;
};

TEST_F(ControlSockets, BelongToTheirUserAlone) {
  auto socket = ControlSocket::listen(folder_, "couch");
  ASSERT_TRUE(socket) << socket.error().describe();
  EXPECT_EQ(mode(folder_), 0700U);
  EXPECT_EQ(mode(socket->path()), 0600U);
  EXPECT_EQ(host_names(folder_), std::vector<std::string>{"couch"});
  const UniqueFd client = connect("couch");
  ASSERT_TRUE(client);
  EXPECT_TRUE(socket->accept());
  EXPECT_EQ(socket->accept().error().kind, ErrorKind::kRetry);
}

TEST_F(ControlSockets, AFolderThatOthersMayReadIsClosed) {
  fs::create_directory(folder_);
  fs::permissions(folder_, fs::perms::all);
  ASSERT_TRUE(ControlSocket::listen(folder_, "couch"));
  EXPECT_EQ(mode(folder_), 0700U);
}

TEST_F(ControlSockets, ALivingHostKeepsItsNameAndADeadOneDoesNot) {
  {
    auto first = ControlSocket::listen(folder_, "couch");
    ASSERT_TRUE(first);
    auto second = ControlSocket::listen(folder_, "couch");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kRetry);
    EXPECT_TRUE(connect("couch")) << "the first one was disturbed";
    EXPECT_TRUE(ControlSocket::listen(folder_, "desk"));
  }
  EXPECT_TRUE(fs::is_empty(folder_)) << "nothing is left behind";

  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = ControlSocket::listen(folder_, "couch");
    ::_exit(held ? 0 : 1);  // as in a crash: nothing is cleaned up
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(fs::exists(socket_path(folder_, "couch")));
  EXPECT_TRUE(ControlSocket::listen(folder_, "couch"));
}

TEST_F(ControlSockets, OtherUsersAreSentAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  auto socket = ControlSocket::listen(folder_, "couch");
  ASSERT_TRUE(socket);
  // The file's mode keeps them out already; this is about the second door.
  fs::permissions(folder_, fs::perms::all);
  fs::permissions(socket->path(), fs::perms::all);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool other = ::setuid(65534) == 0;
    const UniqueFd client = connect("couch");
    char byte = 0;
    ::_exit(other && client && ::read(client.borrow(), &byte, 1) == 0 ? 0 : 1);
  }
  Result<UniqueFd> came = fail(ErrorKind::kRetry, "");
  for (int i = 0; i < 500 && !came && came.error().kind == ErrorKind::kRetry; ++i) {
    ::usleep(10'000);
    came = socket->accept();
  }
  ASSERT_FALSE(came);
  EXPECT_EQ(came.error().kind, ErrorKind::kUnsupported);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "it was not sent away";
}

TEST(LineReaders, CutWhatComesInPieces) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  const auto here = UniqueFd::take(pair[0]);
  auto there = UniqueFd::take(pair[1]);
  LineReader reader(16);
  const auto say = [&](std::string_view text) {
    ASSERT_EQ(::send(there.borrow(), text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
  };
  say("one\r\ntw");
  EXPECT_EQ(reader.read(here.borrow()), LineReader::State::kOpen);
  EXPECT_EQ(reader.next(), "one");
  EXPECT_EQ(reader.next(), std::nullopt);
  say("o\n");
  EXPECT_EQ(reader.read(here.borrow()), LineReader::State::kOpen);
  EXPECT_EQ(reader.next(), "two");
  say("rest");
  there.reset();
  EXPECT_EQ(reader.read(here.borrow()), LineReader::State::kEnded);
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(LineReaders, ALineWithoutEndIsNotKept) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  const auto here = UniqueFd::take(pair[0]);
  const auto there = UniqueFd::take(pair[1]);
  const std::string flood(100'000, 'x');
  ASSERT_GT(::send(there.borrow(), flood.data(), flood.size(), 0), 0);
  LineReader reader(1000);
  EXPECT_EQ(reader.read(here.borrow()), LineReader::State::kTooLong);
}

}  // namespace
}  // namespace lumen::control
