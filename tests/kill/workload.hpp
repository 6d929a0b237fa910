// What the killed writers append: every batch follows from its writer and its number, so that the oracle knows each
// byte that should be there. Every entry says by itself which one it is.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/model.hpp"

namespace accrete::test {

/// Writers at work at the same time.
inline constexpr std::uint32_t worker_count = 4;

struct Action {
  enum class Kind { append, erase };
  Kind kind = Kind::append;
  OwnedBatch batch{};        // of append
  std::string erased_key{};  // of erase: a key of this writer's own, which it no longer appends to
};

/// What the writer `worker` does as its `number`-th action; numbers begin with 1.
[[nodiscard]] Action action(std::uint32_t worker, std::uint64_t number);

/// Whether a writer that was killed in this action does it again: nothing is doubled by that.
[[nodiscard]] bool is_repeatable(const Action& action);

/// The keys that all writers append to.
[[nodiscard]] const std::vector<std::string>& shared_keys();

/// One entry as it stands in a value.
struct Record {
  std::uint32_t worker = 0;
  std::uint64_t number = 0;  // of its action
  std::uint32_t index = 0;   // in its batch
};

/// Takes a value apart. Throws std::runtime_error if it is anything but whole records.
[[nodiscard]] std::vector<Record> parse_records(std::string_view key, std::string_view value);

/// What a writer has noted in its journal: a line "b N" before an action and "d N" after it. A kill may tear the last
/// line where it crosses a page: what has no end of line was not noted.
struct Progress {
  std::uint64_t size = 0;  // of the whole lines
  std::uint64_t begun = 0;
  std::uint64_t done = 0;
  std::vector<std::uint64_t> unknown{};  // begun, but neither done nor repeated

  [[nodiscard]] bool is_unknown(std::uint64_t number) const;
};

/// The socket of the proxy between clients and server, where there is one.
[[nodiscard]] std::string proxy_path(const std::string& directory);
[[nodiscard]] std::string progress_path(const std::string& directory, std::uint32_t worker);
[[nodiscard]] Progress read_progress(const std::string& path);

}  // namespace accrete::test
