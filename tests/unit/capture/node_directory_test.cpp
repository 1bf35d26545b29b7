#include "capture/pipewire/node_directory.h"

#include <gtest/gtest.h>

namespace lumen::pipewire {
namespace {

NodeInfo node(std::uint32_t id, std::uint64_t serial, std::string name,
              std::string description = {}) {
  NodeInfo info;
  info.id = id;
  info.serial = serial;
  info.name = std::move(name);
  info.description = std::move(description);
  return info;
}

TEST(SelectNode, ByIdSerialNameAndDescription) {
  const std::vector<NodeInfo> nodes = {node(30, 100, "a"), node(31, 101, "b", "My Screen")};
  EXPECT_EQ(select(nodes, NodeId{31})->name, "b");
  EXPECT_EQ(select(nodes, NodeSerial{100})->name, "a");
  EXPECT_EQ(select(nodes, NodeName{"a"})->id, 30U);
  EXPECT_EQ(select(nodes, NodeName{"My Screen"})->id, 31U);
  EXPECT_FALSE(select(nodes, NodeName{"c"}));
  EXPECT_FALSE(select(nodes, NodeId{100})) << "a serial is not an id";
}

TEST(SelectNode, OfSeveralWithOneNameTheNewestIsMeant) {
  const std::vector<NodeInfo> nodes = {node(50, 7, "x"), node(30, 90, "x"), node(31, 8, "x")};
  EXPECT_EQ(select(nodes, NodeName{"x"})->serial, 90U);
}

TEST(SelectNode, AutoPrefersGamescopeAndNeverTakesACamera) {
  NodeInfo camera = node(40, 500, "v4l2_input.usb");
  camera.camera = true;
  EXPECT_FALSE(select({camera}, AnyNode{}));
  const std::vector<NodeInfo> nodes = {node(30, 1, "gamescope"), node(31, 2, "kwin"), camera};
  EXPECT_EQ(select(nodes, AnyNode{})->name, "gamescope");
  EXPECT_EQ(select({nodes[1], camera}, AnyNode{})->name, "kwin");
}

TEST(SelectNode, SeveralGamescopesCountInTheOrderInWhichTheyCame) {
  const std::vector<NodeInfo> nodes = {node(50, 9, "gamescope"), node(51, 12, "kwin"),
                                       node(30, 11, "gamescope")};
  EXPECT_EQ(select(nodes, GamescopeNode{1})->serial, 9U);
  EXPECT_EQ(select(nodes, GamescopeNode{2})->serial, 11U);
  EXPECT_FALSE(select(nodes, GamescopeNode{3}));
  EXPECT_NE(node_not_found(nodes, GamescopeNode{3}).message.find("only 2"), std::string::npos);
  EXPECT_EQ(node_not_found({nodes[1]}, GamescopeNode{}).message, "no gamescope runs");
}

TEST(SelectNode, WhichOfSeveralGamescopesIsMeantMustBeSaid) {
  const std::vector<NodeInfo> nodes = {node(50, 9, "gamescope"), node(30, 11, "gamescope")};
  EXPECT_TRUE(check_unambiguous(nodes, GamescopeNode{2}, AbsentSource::kIsError));
  EXPECT_TRUE(check_unambiguous({nodes[0]}, GamescopeNode{}, AbsentSource::kIsError));
  const auto unclear = check_unambiguous(nodes, GamescopeNode{}, AbsentSource::kIsError);
  ASSERT_FALSE(unclear);
  EXPECT_EQ(unclear.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(
      unclear.error().hint.find("gamescope:1 (PipeWire id 50) or gamescope:2 (PipeWire id 30)"),
      std::string::npos)
      << unclear.error().hint;
}

TEST(SelectNode, WhoWaitsForOneOfSeveralGamescopesIsToldTheChoices) {
  const std::vector<NodeInfo> nodes = {node(50, 9, "gamescope"), node(30, 11, "gamescope")};
  const auto unclear = check_unambiguous(nodes, GamescopeNode{}, AbsentSource::kIsAwaited);
  ASSERT_FALSE(unclear);
  EXPECT_EQ(unclear.error().kind, ErrorKind::kRetry);
  EXPECT_EQ(unclear.error().message,
            "2 gamescopes run; ask for gamescope:1 (PipeWire id 50) or gamescope:2 (PipeWire id "
            "30), the oldest first");
}

TEST(SelectNode, TheErrorNamesWhatIsThere) {
  const Error empty = node_not_found({}, NodeName{"x"});
  EXPECT_EQ(empty.kind, ErrorKind::kNotFound);
  EXPECT_NE(empty.hint.find("synthetic"), std::string::npos);
  const Error others = node_not_found({node(30, 1, "gamescope")}, NodeId{99});
  EXPECT_NE(others.message.find("id=99"), std::string::npos);
  EXPECT_NE(others.hint.find("gamescope (id 30)"), std::string::npos);
}

}  // namespace
}  // namespace lumen::pipewire
