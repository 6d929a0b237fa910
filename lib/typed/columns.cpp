#include <accrete/columns.hpp>
#include <accrete/error.hpp>
#include <algorithm>

#include "base/escape.hpp"
#include "base/within_memory.hpp"
#include "typed/known_keys.hpp"
#include "typed/value_reader.hpp"
#include "typed/value_writer.hpp"

namespace accrete {
namespace {

detail::ElementLayout layout_of(const Column& column) {
  return {.size = size_of(column.type), .fields = {{.type = column.type}}};
}

/// The columns as the fields of a struct.
detail::ElementLayout layout_of(std::span<const Column> columns) {
  detail::ElementLayout layout{.is_struct = true};
  for (const Column& column : columns) {
    layout.fields.push_back({.name = column.name, .type = column.type, .offset = layout.size});
    layout.size += size_of(column.type);
  }
  return layout;
}

std::vector<ColumnType> sorted_columns(const ElementType& type) {
  std::vector<ColumnType> columns;
  for (const ElementType::Field& field : type.fields()) columns.push_back({.name = field.name, .type = field.type});
  std::sort(columns.begin(), columns.end(), [](const ColumnType& a, const ColumnType& b) { return a.name < b.name; });
  return columns;
}

/// Of the names and types of the columns. No column's key is the same, for their names are not empty.
std::string header_key(std::string_view key) {
  if (key.empty()) throw InvalidKeyError("the key is empty");
  return std::string(key) + '\0';
}

[[noreturn]] void throw_no_columns(std::string_view key) {
  throw CorruptionError("the value of key " + quoted(header_key(key)) +
                        " does not hold the names and types of columns");
}

/// What is wrong with the numbers of a column, beside those of the first; empty: nothing.
std::string problem_of(const Column& column, const Column& first) {
  const std::string name = "the column " + quoted(column.name);
  if (!is_number_type(column.type)) {
    return name + " has no type of numbers, but the type " + std::to_string(static_cast<int>(column.type));
  }
  const std::size_t rows = column.bytes.size() / size_of(column.type);
  if (rows * size_of(column.type) != column.bytes.size()) {
    return name + " has " + std::to_string(column.bytes.size()) + " bytes, which are no whole numbers of type " +
           std::string(name_of(column.type));
  }
  const std::size_t first_rows = first.bytes.size() / size_of(first.type);
  if (rows == first_rows) return {};
  return "the column " + quoted(first.name) + " has " + std::to_string(first_rows) + " rows and " + name + " has " +
         std::to_string(rows);
}

/// What is wrong with the columns together, whatever they hold; empty: nothing.
std::string problem_of(std::span<const Column> columns) {
  if (columns.empty()) return "there are no columns";
  if (columns.size() > max_fields) {
    return "there are " + std::to_string(columns.size()) + " columns, and at most " + std::to_string(max_fields) +
           " may be";
  }
  std::vector<std::string_view> names;
  for (const Column& column : columns) names.push_back(column.name);
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  return twin == names.end() ? std::string() : "there are two columns " + quoted(*twin);
}

void check_columns(std::string_view key, std::span<const Column> columns) {
  std::string problem = problem_of(columns);
  for (const Column& column : columns) {
    if (problem.empty()) problem = problem_of(column, columns.front());
  }
  if (!problem.empty()) throw InvalidArgumentError("cannot append rows to key " + quoted(key) + ": " + problem);
}

}  // namespace

class Columns::Parts {
 public:
  Parts(std::unique_ptr<Store> owned, Store& store) : owned_(std::move(owned)), store_(store) {}

  [[nodiscard]] Store& store() const noexcept { return store_; }

  void append(std::string_view key, std::span<const Column> columns, const AppendOptions& options) {
    check_columns(key, columns);
    std::vector<std::string> keys;
    std::vector<std::string> pieces;
    for (const Column& column : columns) {
      keys.push_back(column_key(key, column.name));
      pieces.push_back(ElementEncoder(layout_of(column)).encode({keys.back(), column.bytes}));
    }
    record_columns(key, columns);
    std::vector<Entry> batch;
    for (std::size_t i = 0; i < columns.size(); ++i) batch.push_back({keys[i], pieces[i]});
    store_.append_batch(batch, options);
  }

  [[nodiscard]] std::optional<ElementType> try_load_columns(std::string_view key) const {
    ValueReader reader(store_, header_key(key), std::nullopt);
    if (reader.next() > 0 || (reader.type() && reader.type()->tag().code != struct_code)) throw_no_columns(key);
    return reader.type();
  }

  void erase(std::string_view key) {
    const std::optional<ElementType> columns = try_load_columns(key);
    if (!columns) return;
    known_.forget(known_as(key, *columns));
    for (const ElementType::Field& column : columns->fields()) store_.erase(column_key(key, column.name));
    store_.erase(header_key(key));
  }

 private:
  [[nodiscard]] static std::string known_as(std::string_view key, const ElementType& columns) {
    std::string known = header_key(key);
    for (const ColumnType& column : sorted_columns(columns))
      known.append(column.name).append(1, ':').append(name_of(column.type));
    return known;
  }

  /// Of several first appends at once, one records its columns.
  void record_columns(std::string_view key, std::span<const Column> columns) {
    const ElementEncoder encoder(layout_of(columns));
    const std::string known = known_as(key, encoder.type());
    if (known_.contains(known)) return;
    const std::uint64_t epoch = known_.epoch();
    const std::string header = encoder.encode({header_key(key), {}});
    std::optional<ElementType> recorded = try_load_columns(key);
    while (!recorded) {
      if (try_begin_value(store_, {header_key(key), header}, {})) break;
      recorded = try_load_columns(key);
      if (!recorded && store_.size(header_key(key)) == 0) throw_no_columns(key);
    }
    if (recorded && sorted_columns(*recorded) != sorted_columns(encoder.type())) {
      throw TypeMismatchError("cannot append rows of " + encoder.type().name() + " to key " + quoted(key) +
                              ": its rows are " + recorded->name());
    }
    known_.add(known, epoch);
  }

  const std::unique_ptr<Store> owned_;  // nullptr: the store is borrowed
  Store& store_;
  KnownKeys known_;  // with their columns
};

Columns::Columns(std::unique_ptr<Store> store) {
  Store& borrowed = *store;
  parts_ = std::make_unique<Parts>(std::move(store), borrowed);
}

Columns::Columns(Store& store) : parts_(std::make_unique<Parts>(nullptr, store)) {}

Columns::Columns(Columns&&) noexcept = default;
Columns& Columns::operator=(Columns&&) noexcept = default;
Columns::~Columns() = default;

Store& Columns::store() const noexcept { return parts_->store(); }

void Columns::append(std::string_view key, std::span<const Column> columns, const AppendOptions& options) {
  if (options.expect_size) throw InvalidArgumentError("rows are appended to columns without expect_size");
  within_memory("append rows to key " + quoted(key), [&] { parts_->append(key, columns, options); });
}

std::vector<ColumnType> Columns::columns(std::string_view key) const {
  std::vector<ColumnType> columns;
  const std::optional<ElementType> recorded = parts_->try_load_columns(key);
  if (!recorded) return columns;
  for (const ElementType::Field& field : recorded->fields()) {
    columns.push_back({.name = field.name, .type = field.type});
  }
  return columns;
}

std::optional<std::uint64_t> Columns::rows(std::string_view key) const {
  const std::optional<ElementType> recorded = parts_->try_load_columns(key);
  if (!recorded) return std::nullopt;
  const ElementType::Field& first = recorded->fields().front();
  const ElementType type({.size = size_of(first.type), .fields = {{.type = first.type}}});
  const std::optional<ValueCount> count = count_elements(store(), column_key(key, first.name), type);
  return count ? count->elements : 0;
}

void Columns::erase(std::string_view key) { parts_->erase(key); }

std::string Columns::column_key(std::string_view key, std::string_view column) {
  if (!is_field_name(column)) {
    throw InvalidArgumentError(quoted(column) + " is no name of a column, which has 1 to " +
                               std::to_string(max_field_name_size) + " letters, digits and underscores");
  }
  std::string joined = header_key(key).append(column);
  if (joined.size() > max_key_size) {
    throw InvalidKeyError("the key " + quoted(key) + " is too long: with the name of its column " + quoted(column) +
                          " it has more than " + std::to_string(max_key_size - 1) + " bytes");
  }
  return joined;
}

}  // namespace accrete
