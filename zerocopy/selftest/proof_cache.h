// What the self-test has found, kept from run to run: it takes longer than the rest of a start.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "zerocopy/selftest/prove.h"

namespace lumen::selftest {

/// All that a proof depends on. Where any of it is another one, the proof holds no more.
struct ProofSubject {
  std::string route;   // registry name, and how it is used
  std::string gpu;     // name and UUID
  std::string driver;  // all that the drivers tell of their versions; empty: nothing is kept
  std::string makers;  // who may make test buffers here besides the drivers
  std::string kernel;  // release
  std::string lumen;   // version

  bool operator==(const ProofSubject&) const = default;
};

/// The same route with formats of so many bits, which is proven apart.
ProofSubject of_depth(ProofSubject subject, unsigned bits);

/// A folder of one small text file per route. Good proofs alone are kept, and only those that are
/// certain of each modifier: what stands in the way of a route (a permission, a missing module, no
/// memory) may be gone the next time. Files that can't be read,
/// are no proofs or speak of something else count as none. Several processes may share the folder.
class ProofCache {
 public:
  explicit ProofCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Where the route offers just the modifiers that were tested then. ModifierProof::maker is kept,
  /// reasons as well.
  [[nodiscard]] std::optional<Proof> find(const ProofSubject& subject,
                                          std::span<const Modifier> offered) const;
  /// Replaces what was known of the route; a proof that is not kept removes it. Errors: kIo.
  Result<void> keep(const ProofSubject& subject, const Proof& proof) const;

 private:
  [[nodiscard]] std::filesystem::path file_of(const ProofSubject& subject) const;
  std::filesystem::path folder_;
};

}  // namespace lumen::selftest
