// A table to the keys of a store, and back.
#pragma once

#include <accrete/store.hpp>
#include <functional>
#include <span>
#include <string_view>

#include "grouping.hpp"
#include "piece.hpp"

namespace accrete::python {

/// The attribute of a store that holds a piece of no rows: what columns its tables have. Whoever scatters first sets
/// it.
inline constexpr const char* schema_attribute = "table.schema";

/// Appends the rows of tables, each group's as one piece to its key. What is added is one batch, or as many as it needs
/// of at most Store::max_batch_bytes: all of its rows are appended or none, where it is one. With an id it has to be:
/// if batches ended where a server's limit is, the ids would be of other rows when they are sent again.
class Scattering {
 public:
  /// Appends a batch to the store.
  using Append = std::function<void(std::span<const Entry>, const AppendOptions&)>;

  Scattering(Store& store, const AppendOptions& options, Append append);

  /// Throws TypeMismatchError, having appended nothing, if its columns are not those of the store's tables, and
  /// InvalidKeyError, having set no columns, either.
  /// Throws TooLargeError, having appended nothing, if there is an id and the tables so far do not fit one batch.
  void add(const Column& given, KeyedGroups groups);
  /// Appends what was added.
  void finish();

 private:
  void add_pieces(PieceEncoder& encoder, std::span<const std::string_view> keys, std::span<const Rows> parts);
  void add_entry(const Entry& entry);
  /// As two, if their strings are too large for one.
  void add_piece(PieceEncoder& encoder, std::string_view key, Rows rows);
  void append();

  Store& store_;
  AppendOptions options_;
  Append append_batch_;
  std::uint64_t max_batch_bytes_;
  Arena arena_;
  std::vector<std::vector<std::string>> keys_;  // of the entries
  std::vector<Entry> entries_;
  std::uint64_t batch_bytes_ = 0;
};

/// All rows of these keys, one key after the other; of a store's columns and no rows if there are none. Throws
/// InvalidArgumentError if no table was ever scattered to the store, and what PieceReader throws.
[[nodiscard]] Column gather(const Store& store, std::span<const std::string_view> keys);

}  // namespace accrete::python
