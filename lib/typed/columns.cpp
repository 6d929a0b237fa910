#include <accrete/columns.hpp>
#include <accrete/error.hpp>
#include <algorithm>

#include "base/escape.hpp"
#include "base/within_memory.hpp"
#include "store/applied_batch.hpp"
#include "typed/known_keys.hpp"
#include "typed/value_reader.hpp"
#include "typed/value_writer.hpp"

namespace accrete {
namespace {

detail::ElementLayout layout_of(NumberType type) { return {.size = size_of(type), .fields = {{.type = type}}}; }

/// The columns as the fields of a struct.
detail::ElementLayout layout_of(std::span<const Column> columns) {
  detail::ElementLayout layout{.is_struct = true};
  for (const Column& column : columns) {
    layout.fields.push_back({.name = column.name, .type = column.type, .offset = layout.size});
    layout.size += size_of(column.type);
  }
  return layout;
}

std::string read_action(std::string_view key) { return "read the columns of key " + quoted(key); }

/// What is wrong with columns of one table; empty: nothing.
std::string difference(const detail::ColumnRows& first, const detail::ColumnRows& second) {
  if (first.rows == second.rows) return {};
  return "the column " + quoted(first.name) + " has " + std::to_string(first.rows) + " rows and the column " +
         quoted(second.name) + " has " + std::to_string(second.rows);
}

NumberType required_type(std::string_view key, const ElementType& columns, std::string_view name) {
  const std::vector<ElementType::Field>& fields = columns.fields();
  const auto has_name = [&](const ElementType::Field& field) { return field.name == name; };
  const auto found = std::find_if(fields.begin(), fields.end(), has_name);
  if (found != fields.end()) return found->type;
  throw InvalidArgumentError("the key " + quoted(key) + " has no column " + quoted(name) + ": its rows are " +
                             columns.name());
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
  return difference({first.name, first.bytes.size() / size_of(first.type)}, {column.name, rows});
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

/// What stands after the columns in a header once their erase has begun.
std::string erase_mark(const ElementType& columns) {
  std::string mark;
  const std::size_t begin = begin_piece(columns.tag(), 1, mark);
  mark.append(columns.size(), '\0');
  finish_piece(begin, mark);
  return mark;
}

void check_columns(std::string_view key, std::span<const Column> columns) {
  std::string problem = problem_of(columns);
  for (const Column& column : columns) {
    if (problem.empty()) problem = problem_of(column, columns.front());
  }
  if (!problem.empty()) throw InvalidArgumentError("cannot append rows to key " + quoted(key) + ": " + problem);
}

}  // namespace

class Columns::Impl {
 public:
  Impl(std::unique_ptr<Store> owned, Store& store) : owned_(std::move(owned)), store_(store) {}

  [[nodiscard]] Store& store() const noexcept { return store_; }

  void append(std::string_view key, std::span<const Column> columns, const AppendOptions& options) {
    check_columns(key, columns);
    std::vector<std::string> keys;
    std::vector<std::string> pieces;
    for (const Column& column : columns) {
      keys.push_back(column_key(key, column.name));
      pieces.push_back(ElementEncoder(layout_of(column.type)).encode({keys.back(), column.bytes}));
    }
    const ElementEncoder encoder(layout_of(columns));
    const bool is_known = known_.contains(known_as(key, encoder.type()));
    if (!is_known && !is_applied(store_, options.id)) record_columns(key, encoder);
    std::vector<Entry> batch;
    for (std::size_t i = 0; i < columns.size(); ++i) batch.push_back({keys[i], pieces[i]});
    store_.append_batch(batch, options);
  }

  [[nodiscard]] std::optional<ElementType> try_load_columns(std::string_view key) const {
    std::optional<Header> header = try_load_header(key);
    if (!header) return std::nullopt;
    if (header->is_being_erased) {
      throw ErasedError("the erase of key " + quoted(key) + " with its columns was interrupted: erase it again");
    }
    return std::move(header->columns);
  }

  void erase(std::string_view key) {
    try {
      const std::optional<Header> header = try_load_header(key);
      if (header) erase_columns(key, *header);
    } catch (const CorruptionError&) {
      known_.forget_all();
      erase_all(key, listed_columns(key));
      known_.forget_all();
    }
  }

 private:
  /// What the value of header_key says.
  struct Header {
    ElementType columns;
    bool is_being_erased;
  };

  [[nodiscard]] static std::string known_as(std::string_view key, const ElementType& columns) {
    std::string known = header_key(key);
    for (const ColumnType& column : sorted_columns(columns))
      known.append(column.name).append(1, ':').append(name_of(column.type));
    return known;
  }

  [[nodiscard]] std::optional<Header> try_load_header(std::string_view key) const {
    const std::string place = header_key(key);
    for (;;) {
      ValueReader reader(store_, place, std::nullopt);
      const bool has_elements = reader.next() > 0;
      if (reader.type() && reader.type()->tag().code == struct_code) {
        return Header{.columns = *reader.type(), .is_being_erased = has_elements};
      }
      const std::optional<std::uint64_t> size = store_.size(place);
      if (!reader.type() && !size) return std::nullopt;
      if (reader.type() || *size == 0) throw_no_columns(key);
      // Others have begun it in between.
    }
  }

  /// Of several first appends at once, one records its columns.
  void record_columns(std::string_view key, const ElementEncoder& encoder) {
    const std::uint64_t epoch = known_.epoch();
    const std::string place = header_key(key);
    const std::string header = encoder.encode({place, {}});
    std::optional<ElementType> recorded = try_load_columns(key);
    while (!recorded && !try_begin_value(store_, {place, header}, {})) recorded = try_load_columns(key);
    if (recorded && sorted_columns(*recorded) != sorted_columns(encoder.type())) {
      throw TypeMismatchError("cannot append rows of " + encoder.type().name() + " to key " + quoted(key) +
                              ": its rows are " + recorded->name());
    }
    known_.add(known_as(key, encoder.type()), epoch);
  }

  void erase_columns(std::string_view key, const Header& header) {
    const std::string known = known_as(key, header.columns);
    std::vector<std::string> columns;
    for (const ElementType::Field& column : header.columns.fields()) columns.push_back(column_key(key, column.name));
    known_.forget(known);
    if (!header.is_being_erased) store_.append(header_key(key), erase_mark(header.columns));
    erase_all(key, columns);
    known_.forget(known);  // who has looked at the header meanwhile may have seen it
  }

  /// The header last, for it says that there is something to erase.
  void erase_all(std::string_view key, const std::vector<std::string>& columns) {
    for (const std::string& column : columns) store_.erase(column);
    store_.erase(header_key(key));
  }

  /// The keys of its columns, as the store has them.
  [[nodiscard]] std::vector<std::string> listed_columns(std::string_view key) const {
    const std::string prefix = header_key(key);
    std::vector<std::string> columns;
    for (KeySize& listed : store_.list({.prefix = prefix})) {
      if (is_field_name(std::string_view(listed.key).substr(prefix.size()))) columns.push_back(std::move(listed.key));
    }
    return columns;
  }

  const std::unique_ptr<Store> owned_;  // nullptr: the store is borrowed
  Store& store_;
  KnownKeys known_;  // with their columns
};

Column column(std::string_view name, const std::vector<bool>& numbers) {
  return within_memory("copy the numbers of column " + quoted(name), [&] {
    auto owned = std::make_shared<const std::string>(numbers.begin(), numbers.end());
    const std::string_view bytes = *owned;
    return Column{.name = name, .type = NumberType::boolean, .bytes = bytes, .owned = std::move(owned)};
  });
}

Columns::Columns(std::unique_ptr<Store> store) {
  Store& borrowed = *store;
  impl_ = std::make_unique<Impl>(std::move(store), borrowed);
}

Columns::Columns(Store& store) : impl_(std::make_unique<Impl>(nullptr, store)) {}

Columns::Columns(Columns&&) noexcept = default;
Columns& Columns::operator=(Columns&&) noexcept = default;
Columns::~Columns() = default;

Store& Columns::store() const noexcept { return impl_->store(); }

void Columns::append(std::string_view key, std::span<const Column> columns, const AppendOptions& options) {
  if (options.expect_size) throw InvalidArgumentError("rows are appended to columns without expect_size");
  within_memory("append rows to key " + quoted(key), [&] { impl_->append(key, columns, options); });
}

std::vector<ColumnType> Columns::columns(std::string_view key) const {
  return within_memory(read_action(key), [&] {
    std::vector<ColumnType> columns;
    const std::optional<ElementType> recorded = impl_->try_load_columns(key);
    if (!recorded) return columns;
    for (const ElementType::Field& field : recorded->fields()) {
      columns.push_back({.name = field.name, .type = field.type});
    }
    return columns;
  });
}

std::vector<std::string> Columns::keys(std::string_view prefix) const {
  return within_memory("list the keys that have columns", [&] {
    std::vector<std::string> keys;
    for (KeySize& listed : store().list({.prefix = prefix})) {
      if (listed.key.size() == 1 || listed.key.back() != '\0') continue;
      listed.key.pop_back();
      if (listed.key.starts_with(prefix)) keys.push_back(std::move(listed.key));
    }
    return keys;
  });
}

std::optional<std::uint64_t> Columns::rows(std::string_view key) const {
  return within_memory(read_action(key), [&]() -> std::optional<std::uint64_t> {
    const std::optional<ElementType> recorded = impl_->try_load_columns(key);
    if (!recorded) return std::nullopt;
    const ElementType::Field& first = recorded->fields().front();
    const ElementType type(layout_of(first.type));
    const std::optional<ValueCount> count = count_elements(store(), column_key(key, first.name), type);
    return count ? count->elements : 0;
  });
}

std::vector<std::string> Columns::get_values(std::string_view key, std::span<const std::string_view> columns) const {
  return within_memory(read_action(key), [&] {
    std::vector<std::string> keys;
    for (const std::string_view column : columns) keys.push_back(column_key(key, column));
    return store().get_batch(std::vector<std::string_view>(keys.begin(), keys.end()));
  });
}

std::size_t Columns::get_into(std::string_view key, std::span<const std::string_view> columns,
                              const ColumnRoom& room) const {
  if (columns.empty()) throw InvalidArgumentError("no columns of key " + quoted(key) + " are asked for");
  std::vector<NumberType> types;
  const auto load_types = [&] {
    const std::optional<ElementType> recorded = impl_->try_load_columns(key);
    if (!recorded) return;
    for (const std::string_view column : columns) types.push_back(required_type(key, *recorded, column));
  };
  within_memory(read_action(key), load_types);
  if (types.empty()) return 0;
  std::vector<std::string> values = get_values(key, columns);
  std::vector<detail::ColumnRows> read;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t max_rows = values[i].size() / size_of(types[i]);
    const std::span<std::byte> to = room(i, types[i], max_rows);
    if (to.size() / size_of(types[i]) < max_rows) {
      throw InvalidArgumentError("there is room for fewer than " + std::to_string(max_rows) + " rows of column " +
                                 quoted(columns[i]));
    }
    detail::ElementReader reader(std::move(values[i]), column_key(key, columns[i]), layout_of(types[i]));
    read.push_back({columns[i], reader.read_rest(to)});
  }
  check_rows(key, read);
  return read.front().rows;
}

void Columns::check_rows(std::string_view key, std::span<const detail::ColumnRows> read) const {
  const detail::ColumnRows& first = read.front();
  const bool is_sound = std::all_of(read.begin(), read.end(), [&](const detail::ColumnRows& column) {
    return column.rows > 0 && column.rows == first.rows;
  });
  if (is_sound) return;
  within_memory(read_action(key), [&] {
    const std::optional<ElementType> recorded = impl_->try_load_columns(key);
    for (const detail::ColumnRows& column : read) {
      if (recorded && column.rows == 0) static_cast<void>(required_type(key, *recorded, column.name));
      const std::string problem = difference(first, column);
      if (problem.empty()) continue;
      if (!recorded) throw ErasedError("the key " + quoted(key) + " was erased while its columns were read");
      throw CorruptionError("the key " + quoted(key) + " is damaged: " + problem);
    }
  });
}

void Columns::erase(std::string_view key) {
  within_memory("erase key " + quoted(key) + " with its columns", [&] { impl_->erase(key); });
}

std::string Columns::column_key(std::string_view key, std::string_view column) {
  if (!is_field_name(column)) {
    throw InvalidArgumentError(quoted(column) + " is no name of a column, which has 1 to " +
                               std::to_string(max_field_name_size) + " letters, digits and underscores");
  }
  std::string joined =
      within_memory("name a column of key " + quoted(key), [&] { return header_key(key).append(column); });
  if (joined.size() > max_key_size) {
    throw InvalidKeyError("the key " + quoted(key) + " is too long: with the name of its column " + quoted(column) +
                          " it has more than " + std::to_string(max_key_size - 1) + " bytes");
  }
  return joined;
}

}  // namespace accrete
