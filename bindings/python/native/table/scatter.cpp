#include "scatter.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <optional>

#include "base/check_key.hpp"
#include "base/escape.hpp"
#include "base/hash.hpp"
#include "concatenate.hpp"

namespace accrete::python {
namespace {

/// In the metadata of an ordered dictionary: the hash of its values, where they are too large for an attribute.
constexpr const char* order_key = "accrete.order";

std::string hash_of_values(Typed values) {
  std::string bytes;
  for (std::int64_t i = 0; i < values.array.length; ++i) {
    append_value(bytes, values.field, values.array, static_cast<std::uint64_t>(i));
  }
  return std::to_string(hash64(bytes));
}

/// Takes the values of the dictionaries in an array away, where they would be too large for an attribute.
void empty_dictionaries(Field& field, Array& array) {
  for (std::size_t i = 0; i < field.children.size(); ++i) empty_dictionaries(field.children[i], array.children[i]);
  if (!field.dictionary) return;
  if (field.is_ordered && array.dictionary->length > 0) {
    field.metadata.emplace_back(order_key, hash_of_values({*field.dictionary, *array.dictionary}));
  }
  Array none = *array.dictionary;
  none.length = 0;
  array.dictionary = std::make_shared<const Array>(std::move(none));
}

/// nullopt for what is too large for an attribute: then only those see a mismatch who read the pieces.
std::optional<std::string> piece_of_no_rows(const Column& table) {
  Arena arena;
  std::string piece(PieceEncoder(table).encode({}, arena));
  if (piece.size() <= max_attribute_size) return piece;
  Column bare = table;
  empty_dictionaries(bare.field, bare.array);
  piece = PieceEncoder(bare).encode({}, arena);
  return piece.size() <= max_attribute_size ? std::optional(std::move(piece)) : std::nullopt;
}

/// Of the categories of ordered dictionaries: only what is in the same order can be joined.
std::string difference_in_order(Typed stored, Typed given) {
  for (std::size_t i = 0; i < given.field.children.size(); ++i) {
    const Typed one{stored.field.children[i], stored.array.children[i]};
    const Typed other{given.field.children[i], given.array.children[i]};
    if (std::string found = difference_in_order(one, other); !found.empty()) return found;
  }
  if (!given.field.is_ordered) return {};
  const Typed known{*stored.field.dictionary, *stored.array.dictionary};
  const Typed other{*given.field.dictionary, *given.array.dictionary};
  const std::string_view hash = metadata_of(stored.field, order_key);
  if (other.array.length == 0 || (known.array.length == 0 && hash.empty())) return {};  // rows of an empty one are null
  const bool is_same = hash.empty() ? have_equal_values(known, other) : hash == hash_of_values(other);
  return is_same ? "" : "the ordered categories of column '" + given.field.name + "' are others";
}

Column read_piece(std::string_view value) {
  PieceReader reader;
  reader.add(value);
  if (!reader.schema() || reader.batches().empty()) throw CorruptionError("the attribute table.schema is damaged");
  return {*reader.schema(), reader.batches().front()};
}

/// Objects of which all are null may be strings or bytes: they are what is stored.
void fit_nulls(Column& table, const Field& stored) {
  for (std::size_t i = 0; i < std::min(table.field.children.size(), stored.children.size()); ++i) {
    Field& field = table.field.children[i];
    if (!decides(stored.children[i], field)) continue;
    const bool are_bytes = stored.children[i].format == "z" || stored.children[i].format == "Z";
    const bool is_small = field.layout == Layout::binary;
    set_format(field, are_bytes ? (is_small ? "z" : "Z") : (is_small ? "u" : "U"));
    std::erase_if(field.metadata, [](const auto& pair) { return pair.first == nulls_key; });
  }
}

/// Takes over what was not known: the order of categories, and the type of columns of nulls. Whether there was any.
bool complete(Field& known, Array& known_array, const Field& field, const Array& array) {
  bool is_changed = false;
  for (std::size_t i = 0; i < known.children.size(); ++i) {
    is_changed |= complete(known.children[i], known_array.children[i], field.children[i], array.children[i]);
  }
  const bool has_new_order = known.is_ordered && known_array.dictionary->length == 0 && array.dictionary->length > 0 &&
                             metadata_of(known, order_key).empty();
  if (!has_new_order && !decides(field, known)) return is_changed;
  known = field;
  known_array = array;
  return true;
}

/// The table, if its columns are those of the store's tables, or if it is the first.
Column fitting(Store& store, const Column& given) {
  while (true) {
    const std::optional<std::string> stored = store.attribute(schema_attribute);
    if (!stored) {
      const std::optional<std::string> piece = piece_of_no_rows(given);
      if (!piece || store.set_attribute(schema_attribute, *piece, {.expect_none = true})) return given;
      continue;
    }
    Column known = read_piece(*stored);
    Column table = given;
    fit_nulls(table, known.field);
    fit_offsets(table.field, known.field);
    std::string differs = difference(known.field, stored_form(table.field));
    if (differs.empty()) differs = difference_in_order({known.field, known.array}, {table.field, table.array});
    if (!differs.empty()) throw TypeMismatchError("cannot scatter a table: " + differs);
    if (!complete(known.field, known.array, table.field, table.array)) return table;
    const std::optional<std::string> piece = piece_of_no_rows(known);
    if (!piece || store.set_attribute(schema_attribute, *piece, {.expect_value = *stored})) return table;
  }
}

}  // namespace

Scattering::Scattering(Store& store, const AppendOptions& options, Append append)
    : store_(store), options_(options), append_batch_(std::move(append)), max_batch_bytes_(store.max_batch_bytes()) {}

void Scattering::append() {
  if (entries_.empty()) return;
  append_batch_(entries_, options_);
  entries_.clear();
  batch_bytes_ = 0;
}

void Scattering::add(const Column& given, KeyedGroups groups) {
  const std::vector<std::string>& held_keys = keys_.emplace_back(std::move(groups.keys));
  std::vector<std::string_view> keys;
  std::vector<Rows> parts;
  for (std::size_t i = 0; i < groups.groups.count(); ++i) {
    const Rows rows = groups.groups.rows(i);
    if (rows.empty()) continue;
    check_key(held_keys[i]);  // a table that is refused does not decide the columns
    keys.push_back(held_keys[i]);
    parts.push_back(rows);
  }
  const Column table = fitting(store_, given);
  PieceEncoder encoder(table);
  add_pieces(encoder, keys, parts);
}

void Scattering::finish() {
  append();
  arena_.clear();
  keys_.clear();
}

void Scattering::add_pieces(PieceEncoder& encoder, std::span<const std::string_view> keys,
                            std::span<const Rows> parts) {
  try {
    const std::vector<std::string_view> pieces = encoder.encode_all(parts, arena_);
    for (std::size_t i = 0; i < pieces.size(); ++i) add_entry({keys[i], pieces[i]});
  } catch (const OffsetsTooLargeError&) {
    for (std::size_t i = 0; i < parts.size(); ++i) add_piece(encoder, keys[i], parts[i]);
  }
}

void Scattering::add_piece(PieceEncoder& encoder, std::string_view key, Rows rows) {
  try {
    add_entry({key, encoder.encode(rows, arena_)});
  } catch (const OffsetsTooLargeError&) {
    if (rows.size() == 1) throw;
    add_piece(encoder, key, rows.first(rows.size() / 2));
    add_piece(encoder, key, rows.subspan(rows.size() / 2));
  }
}

void Scattering::add_entry(const Entry& entry) {
  const std::uint64_t bytes = entry.bytes.size() + entry.key.size() + entry_overhead;
  const bool is_full = bytes > max_batch_bytes_ - std::min(batch_bytes_, max_batch_bytes_);
  if (is_full && options_.id) {
    throw TooLargeError("a table with an id is one append, and this one needs more than the " +
                        std::to_string(max_batch_bytes_) +
                        " bytes that one may have: scatter smaller tables, each with a sequence of its own");
  }
  if (is_full) append();
  entries_.push_back(entry);
  batch_bytes_ += bytes;
}

Column gather(const Store& store, std::span<const std::string_view> keys) {
  std::vector<std::string> values;
  if (keys.size() == 1) {
    values.push_back(store.get(keys.front()));
  } else {
    values = store.get_batch(keys);
  }
  PieceReader reader;
  for (std::size_t i = 0; i < values.size(); ++i) {
    try {
      reader.add(values[i]);
    } catch (const CorruptionError& error) {
      throw CorruptionError("cannot gather " + quoted(keys[i]) + ": " + error.what());
    }
  }
  std::optional<std::string> piece;
  if (!reader.schema()) {
    piece = store.attribute(schema_attribute);
    if (!piece) throw InvalidArgumentError("cannot gather: no table was ever scattered here");
    reader.add(*piece);
  }
  std::vector<const Array*> batches;
  for (const Array& batch : reader.batches()) batches.push_back(&batch);
  return concatenate(*reader.schema(), batches);
}

}  // namespace accrete::python
