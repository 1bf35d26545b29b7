// What doctor says of the sources and of the page's port.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/doctor/port_check.h"
#include "app/doctor/source_findings.h"
#include "platform/linux/unique_fd.h"

namespace lumen::doctor {
namespace {

using testing::HasSubstr;

const session::OutputInfo kOutput{.name = "DP-1", .description = "Dell", .size = {2560, 1440}};

kwin::KwinView kwin(kwin::Permission permission) {
  return {.permission = permission, .outputs = {kOutput}};
}

TEST(SourceFindings, AnIdlePlasmaOrGnomeHasSomethingToStream) {
  const auto plasma = source_findings({.kwin = kwin(kwin::Permission::kGranted)});
  ASSERT_EQ(plasma.size(), 1U);
  EXPECT_EQ(plasma[0].verdict, Verdict::kGood);
  EXPECT_EQ(plasma[0].text, "--source auto would take kwin, because KWin runs and casts by itself");
  const auto gnome = source_findings({.mutter = std::vector{kOutput}});
  ASSERT_EQ(gnome.size(), 1U);
  EXPECT_EQ(gnome[0].verdict, Verdict::kGood);
  EXPECT_THAT(gnome[0].text, HasSubstr("would take mutter"));
}

TEST(SourceFindings, AKwinThatForbidsIsToBePutRight) {
  const auto found =
      source_findings({.kwin = kwin(kwin::Permission::kMissing), .portal = DesktopPortal::kShares});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].verdict, Verdict::kBad);
  EXPECT_THAT(found[0].text, HasSubstr("KWin doesn't let"));
  EXPECT_THAT(found[0].advice, HasSubstr("X-KDE-Wayland-Interfaces"));
  EXPECT_EQ(found[1].verdict, Verdict::kGood);
  EXPECT_THAT(found[1].text, HasSubstr("would take portal"));
  EXPECT_THAT(found[1].text, Not(HasSubstr("X-KDE"))) << "it is said once";
}

TEST(SourceFindings, WhereThereIsNothingThePortalIsNamedOnlyIfItIsMissing) {
  const auto without = source_findings({.portal = DesktopPortal::kAbsent});
  ASSERT_EQ(without.size(), 1U);
  EXPECT_EQ(without[0].verdict, Verdict::kNote);
  EXPECT_THAT(without[0].advice, HasSubstr("desktop portal"));
  const auto with = source_findings({.portal = DesktopPortal::kShares});
  EXPECT_EQ(with[0].verdict, Verdict::kGood);
  EXPECT_THAT(with[0].text, HasSubstr("would take portal"));
}

TEST(PortalFinding, SaysWhatToInstall) {
  EXPECT_EQ(portal_finding({}).verdict, Verdict::kGood);
  const Finding without =
      portal_finding(fail(ErrorKind::kUnsupported, "shares no screens", "install one"));
  EXPECT_EQ(without.verdict, Verdict::kNote);
  EXPECT_EQ(without.text, "shares no screens");
  EXPECT_EQ(without.advice, "install one");
}

/// Listens at a port of its own on 127.0.0.1.
class Listener {
 public:
  Listener() : fd_(UniqueFd::take(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_.borrow(), any, size), 0);
    EXPECT_EQ(::listen(fd_.borrow(), 1), 0);
    EXPECT_EQ(::getsockname(fd_.borrow(), any, &size), 0);
    port_ = ::ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void close() { fd_ = UniqueFd(); }

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

TEST(PortFinding, ATakenPortIsToldAndAnotherAskedFor) {
  Listener listener;
  const Finding taken = port_finding({.port = listener.port()});
  EXPECT_EQ(taken.verdict, Verdict::kNote);
  EXPECT_THAT(taken.text, HasSubstr(std::to_string(listener.port()) + " is taken"));
  EXPECT_THAT(taken.advice, HasSubstr("--sink web:ADDRESS:PORT"));
  listener.close();
  EXPECT_EQ(port_finding({.port = listener.port()}).verdict, Verdict::kGood);
}

TEST(PortFinding, ThePageThatTriesTheNextPortsIsFoundThere) {
  const Listener listener;
  const Finding next = port_finding({.port = listener.port(), .spare_ports = 9});
  EXPECT_EQ(next.verdict, Verdict::kNote);
  EXPECT_THAT(next.text, HasSubstr("is taken: the page would be at port "));
  EXPECT_THAT(next.advice, Not(HasSubstr("choose another")));
}

TEST(PortFinding, AnAddressOfAnotherMachineIsBad) {
  EXPECT_EQ(port_finding({.address = "192.0.2.1"}).verdict, Verdict::kBad);
}

}  // namespace
}  // namespace lumen::doctor
