#include "scatter.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <optional>

#include "base/escape.hpp"
#include "concatenate.hpp"

namespace accrete::python {
namespace {

/// With dictionaries of no values, where it would be too large for an attribute.
Column without_dictionaries(const Column& table) {
  Column bare = table;
  for (Array& array : bare.array.children) {
    if (!array.dictionary) continue;
    Array none = *array.dictionary;
    none.length = 0;
    array.dictionary = std::make_shared<const Array>(std::move(none));
  }
  return bare;
}

/// nullopt for what is too large for an attribute: then only those see a mismatch who read the pieces.
std::optional<std::string> piece_of_no_rows(const Column& table) {
  Arena arena;
  std::string piece(PieceEncoder(table).encode({}, arena));
  if (piece.size() <= max_attribute_size) return piece;
  const Column bare = without_dictionaries(table);
  piece = PieceEncoder(bare).encode({}, arena);
  return piece.size() <= max_attribute_size ? std::optional(std::move(piece)) : std::nullopt;
}

/// Of the categories of ordered dictionaries: only what is in the same order can be joined.
std::string difference_in_order(const Column& stored, const Column& given) {
  for (std::size_t i = 0; i < given.field.children.size(); ++i) {
    const Field& field = given.field.children[i];
    if (!field.is_ordered) continue;
    const Array& known = *stored.array.children[i].dictionary;
    const Array& other = *given.array.children[i].dictionary;
    if (known.length == 0 && other.length > 0) continue;  // too many to be recorded
    if (!have_equal_values({*stored.field.children[i].dictionary, known}, {*field.dictionary, other})) {
      return "the ordered categories of column '" + field.name + "' are others";
    }
  }
  return {};
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
    const Field& known = stored.children[i];
    const bool are_objects = field.is_narrowed && known.layout == Layout::binary;
    const bool are_null = table.array.children[i].null_count == table.array.length;
    if (are_objects && are_null) set_format(field, known.format == "z" ? "Z" : "U");
  }
}

/// The table, if its columns are those of the store's tables, or if it is the first.
Column fitting(Store& store, const Column& given) {
  std::optional<std::string> stored = store.attribute(schema_attribute);
  if (!stored) {
    const std::optional<std::string> piece = piece_of_no_rows(given);
    if (!piece || store.set_attribute(schema_attribute, *piece, {.expect_none = true})) return given;
    stored = store.attribute(schema_attribute);
  }
  if (!stored) return given;
  const Column known = read_piece(*stored);
  Column table = given;
  fit_nulls(table, known.field);
  std::string differs = difference(known.field, stored_form(table.field));
  if (differs.empty()) differs = difference_in_order(known, table);
  if (!differs.empty()) throw TypeMismatchError("cannot scatter a table: " + differs);
  return table;
}

}  // namespace

Scattering::Scattering(Store& store, const AppendOptions& options, Append append)
    : store_(store), options_(options), append_batch_(std::move(append)), max_batch_bytes_(store.max_batch_bytes()) {}

void Scattering::append() {
  if (entries_.empty()) return;
  append_batch_(entries_, options_);
  if (options_.id) ++options_.id->sequence;
  entries_.clear();
  batch_bytes_ = 0;
}

void Scattering::add(const Column& given, const KeyedGroups& groups) {
  const Column table = fitting(store_, given);
  PieceEncoder encoder(table);
  std::vector<std::string_view> keys;
  std::vector<Rows> parts;
  for (std::size_t i = 0; i < groups.groups.count(); ++i) {
    const Rows rows = groups.groups.rows(i);
    if (rows.empty()) continue;
    keys.push_back(groups.keys[i]);
    parts.push_back(rows);
  }
  add_pieces(encoder, keys, parts);
  append();
  arena_.clear();
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
  if (bytes > max_batch_bytes_ - std::min(batch_bytes_, max_batch_bytes_)) append();
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
