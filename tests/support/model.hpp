// What a store should hold, by the plainest means.
#pragma once

#include <accrete/store.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace accrete::test {

class Model {
 public:
  /// False if the batch is not applied: its id is old or its expect_size does not match.
  bool append_batch(std::span<const Entry> entries, const AppendOptions& options = {});
  void erase(std::string_view key);
  void drop();

  [[nodiscard]] std::string get(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key) const;
  [[nodiscard]] std::vector<KeySize> list(const ListOptions& options = {}) const;
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] bool is_old(const BatchId& id) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& values() const noexcept { return values_; }
  [[nodiscard]] const std::map<WriterId, std::uint64_t>& sequences() const noexcept { return sequences_; }

  friend bool operator==(const Model&, const Model&) = default;

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::map<WriterId, std::uint64_t> sequences_;
};

/// In what `store` differs from `model`, by every function that reads; empty: in nothing.
[[nodiscard]] std::string difference(const Store& store, const Model& model);

/// A batch that owns its bytes.
struct OwnedBatch {
  std::vector<std::pair<std::string, std::string>> entries;
  AppendOptions options;

  /// Borrowed from this object.
  [[nodiscard]] std::vector<Entry> view() const;
};

[[nodiscard]] WriterId writer_id(std::uint64_t number);

}  // namespace accrete::test
