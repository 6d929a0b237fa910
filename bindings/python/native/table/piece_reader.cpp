#include <accrete/error.hpp>
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/interruptible_work.hpp"
#include "piece.hpp"
#include "schema_message.hpp"

namespace accrete::python {
namespace {

constexpr std::uint32_t continuation = 0xFFFFFFFF;
constexpr std::int64_t max_length = std::int64_t{1} << 48;
constexpr std::int64_t max_rows = std::int64_t{1} << 32;
constexpr std::uint32_t max_metadata_size = std::numeric_limits<std::int32_t>::max();  // which flatbuffers has, too

[[noreturn]] void throw_corrupt(const char* what) {
  throw CorruptionError("the value of a table is damaged: " + std::string(what));
}

void expect(bool is_so, const char* what) {
  if (!is_so) throw_corrupt(what);
}

struct Message {
  const ipc::Message* metadata;
  std::size_t metadata_size;
  std::string_view body;

  [[nodiscard]] bool is(ipc::Header type) const noexcept { return metadata->header_type() == type; }
};

/// Takes a message off the front; nullopt at the end of a stream.
std::optional<Message> take_message(std::string_view& bytes) {
  ByteReader reader(bytes);
  const auto mark = reader.integer<std::uint32_t>();
  const auto size = reader.integer<std::uint32_t>();
  expect(reader.ok() && mark == continuation, "a message does not begin where it should");
  if (size == 0) {
    bytes.remove_prefix(bytes.size() - reader.left());
    return std::nullopt;
  }
  const std::string_view metadata = reader.bytes(size);
  expect(reader.ok() && size % body_alignment == 0, "a message is cut off");
  expect(size <= max_metadata_size, "the metadata of a message are too large");
  flatbuffers::Verifier::Options options;
  // Each takes 8 bytes, with the reference to it. More are the same ones again, which would be read as often.
  options.max_tables = size / 4;
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(metadata.data()), metadata.size(), options);
  expect(ipc::VerifyMessageBuffer(verifier), "the metadata of a message makes no sense");
  const ipc::Message* const message = ipc::GetMessage(metadata.data());
  expect(message->header() != nullptr, "a message has nothing in it");
  const std::int64_t body_size = message->body_length();
  expect(body_size >= 0 && body_size % static_cast<std::int64_t>(body_alignment) == 0, "a body has no such size");
  const std::string_view body = reader.bytes(static_cast<std::size_t>(body_size));
  expect(reader.ok(), "a body is cut off");
  bytes.remove_prefix(bytes.size() - reader.left());
  return Message{message, size, body};
}

std::optional<std::string_view> checksum_of(const ipc::Message& message) {
  if (!message.custom_metadata()) return std::nullopt;
  for (const ipc::KeyValue* const pair : *message.custom_metadata()) {
    if (!pair->key() || !pair->value() || pair->key()->string_view() != checksum_key) continue;
    return pair->value()->string_view();
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_of(std::string_view digits) {
  constexpr std::size_t checksum_size = 16;
  std::uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, number, 16);
  const bool is_whole = error == std::errc{} && at == end && digits.size() == checksum_size;
  return is_whole ? std::optional(number) : std::nullopt;
}

std::size_t set_bits(const std::byte* bits, std::size_t count) noexcept {
  std::size_t set = 0;
  for (std::size_t i = 0; i < count / 8; ++i)
    set += static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(bits[i])));
  for (std::size_t i = count / 8 * 8; i < count; ++i) set += bit_at(bits, i) ? 1 : 0;
  return set;
}

/// Of `count` elements: they ascend from 0 or above, and end at `max` or before.
template <typename Offset>
bool are_offsets(const std::byte* offsets, std::size_t count, std::int64_t max) noexcept {
  bool ascend = load<Offset>(offsets, 0) >= 0;
  for (std::size_t i = 0; i < count; ++i) ascend &= load<Offset>(offsets, i) <= load<Offset>(offsets, i + 1);
  return ascend && load<Offset>(offsets, count) <= max;
}

template <typename Index>
bool are_indexes(const Array& array, std::int64_t count) noexcept {
  bool are = true;
  for (std::size_t i = 0; i < static_cast<std::size_t>(array.length); ++i) {
    // A negative one is too large, once its sign has been widened with it.
    const auto index = static_cast<std::uint64_t>(std::int64_t{load<Index>(array.values(), i)});
    are &= index < static_cast<std::uint64_t>(count) || is_null(array, i);
  }
  return are;
}

bool are_indexes(const Array& array, std::int64_t count) noexcept {
  switch (array.index_format) {
    case 'c':
      return are_indexes<std::int8_t>(array, count);
    case 'C':
      return are_indexes<std::uint8_t>(array, count);
    case 's':
      return are_indexes<std::int16_t>(array, count);
    case 'S':
      return are_indexes<std::uint16_t>(array, count);
    case 'i':
      return are_indexes<std::int32_t>(array, count);
    case 'I':
      return are_indexes<std::uint32_t>(array, count);
    default:
      return are_indexes<std::int64_t>(array, count);  // no dictionary has 2^63 values
  }
}

using Dictionaries = std::vector<StoredDictionary>;

/// An element of a list of structs, which flatbuffers' verifier lets lie anywhere.
template <typename Struct>
Struct struct_at(const flatbuffers::Vector<const Struct*>& list, flatbuffers::uoffset_t index) noexcept {
  Struct value;
  std::memcpy(&value, list.Data() + index * sizeof value, sizeof value);
  return value;
}

/// How many elements there may be of which no buffer says that they are there.
struct BareElements {
  std::int64_t max_nulls;  ///< in an array of nulls, which takes nothing
  std::int64_t left;       ///< in all columns of columns that have none: each may take a bit, when it is joined
};

/// Of those of a dictionary each is looked at, so there are as many as they may well have beside what has bytes.
BareElements bare_elements_of_dictionary(std::string_view body) noexcept {
  constexpr std::size_t few = std::size_t{1} << 16;
  const auto count = static_cast<std::int64_t>(std::min<std::size_t>(max_rows, few + 8 * body.size()));
  return {count, count};
}

/// Takes the arrays of a batch off its nodes and buffers, having checked that nothing in them points outside.
class BatchDecoder {
 public:
  BatchDecoder(const ipc::RecordBatch& batch, std::string_view body, const Dictionaries& dictionaries,
               BareElements& bare)
      : batch_(batch), body_(body), dictionaries_(dictionaries), bare_(bare) {
    if (batch.compression()) throw UnsupportedError("a table is stored compressed, which only its writer can read");
  }

  [[nodiscard]] std::int64_t length() const { return checked(batch_.length(), max_rows); }

  Array next(const Field& field) {
    const ipc::FieldNode node = take_node();
    const std::int64_t max = field.layout == Layout::null ? bare_.max_nulls : max_length;
    Array array{.length = checked(node.length(), max), .null_count = node.null_count()};
    const auto count = static_cast<std::size_t>(array.length);
    if (field.layout == Layout::null) {
      array.null_count = array.length;
      return array;
    }
    take_validity(array);
    switch (field.layout) {
      case Layout::bits:
        array.buffers[1] = take_buffer((count + 7) / 8);
        break;
      case Layout::fixed:
        array.buffers[1] = take_elements(count, field.width);
        break;
      case Layout::binary:
      case Layout::large_binary:
        take_binary(field, array);
        break;
      default:
        take_children(field, array);
    }
    if (field.dictionary) find_dictionary(field, array);
    return array;
  }

  /// To be called when all columns are taken.
  void finish() const {
    const bool has_nodes = batch_.nodes() && node_ < batch_.nodes()->size();
    const bool has_buffers = batch_.buffers() && buffer_ < batch_.buffers()->size();
    expect(!has_nodes && !has_buffers, "a batch has too many columns");
  }

 private:
  static std::int64_t checked(std::int64_t length, std::int64_t max) {
    expect(length >= 0 && length <= max, "there is no such number of rows");
    return length;
  }

  ipc::FieldNode take_node() {
    expect(batch_.nodes() && node_ < batch_.nodes()->size(), "a batch has too few columns");
    return struct_at(*batch_.nodes(), node_++);
  }

  std::string_view take_any_buffer() {
    expect(batch_.buffers() && buffer_ < batch_.buffers()->size(), "a batch has too few buffers");
    const ipc::Buffer place = struct_at(*batch_.buffers(), buffer_++);
    const auto offset = static_cast<std::uint64_t>(place.offset());
    const auto size = static_cast<std::uint64_t>(place.length());
    expect(offset <= body_.size() && size <= body_.size() - offset && offset % body_alignment == 0,
           "a buffer lies outside of its batch");
    return body_.substr(offset, size);
  }

  static Memory borrowed(std::string_view bytes) noexcept {
    return {Memory{}, reinterpret_cast<const std::byte*>(bytes.data())};
  }

  Memory take_buffer(std::size_t size) {
    const std::string_view bytes = take_any_buffer();
    expect(bytes.size() >= size, "a buffer is too small");
    return borrowed(bytes);
  }

  Memory take_elements(std::size_t count, std::size_t width) {
    const std::string_view bytes = take_any_buffer();
    expect(bytes.size() / width >= count, "a buffer is too small");
    return borrowed(bytes);
  }

  void take_validity(Array& array) {
    const auto count = static_cast<std::size_t>(array.length);
    const std::string_view bits = take_any_buffer();
    if (array.null_count == 0) return;
    expect(bits.size() >= (count + 7) / 8, "a buffer is too small");
    array.buffers[0] = borrowed(bits);
    const std::size_t nulls = count - set_bits(array.validity(), count);
    expect(static_cast<std::size_t>(array.null_count) == nulls, "nulls are not as many as counted");
  }

  /// An array of no elements may have no offsets.
  void take_offsets(const Field& field, Array& array) {
    const auto count = static_cast<std::size_t>(array.length);
    const std::size_t width = offset_size(field.layout);
    const std::string_view offsets = take_any_buffer();
    static constexpr std::array<std::byte, 8> zero{};
    if (count == 0 && offsets.empty()) {
      array.buffers[1] = {Memory{}, zero.data()};
      return;
    }
    expect(offsets.size() / width > count, "a buffer is too small");
    array.buffers[1] = borrowed(offsets);
  }

  static void check_offsets(const Field& field, const Array& array, std::int64_t max) {
    const auto count = static_cast<std::size_t>(array.length);
    const bool are = offset_size(field.layout) == sizeof(std::int32_t)
                         ? are_offsets<std::int32_t>(array.values(), count, max)
                         : are_offsets<std::int64_t>(array.values(), count, max);
    expect(are, "offsets do not ascend, or end outside");
  }

  void take_binary(const Field& field, Array& array) {
    take_offsets(field, array);
    const std::string_view bytes = take_any_buffer();
    array.buffers[2] = borrowed(bytes);
    check_offsets(field, array, static_cast<std::int64_t>(bytes.size()));
  }

  void take_children(const Field& field, Array& array) {
    const bool has_offsets = field.layout == Layout::list || field.layout == Layout::large_list;
    if (has_offsets) take_offsets(field, array);
    for (const Field& child : field.children) array.children.push_back(next(child));
    if (has_offsets) return check_offsets(field, array, array.children.front().length);
    const std::size_t each = field.layout == Layout::fixed_list ? field.width : 1;
    const bool is_bare = (each == 0 || array.children.empty()) && !array.validity();
    if (is_bare) bare_.left -= checked(array.length, bare_.left);
    for (const Array& child : array.children) {
      const auto wanted = static_cast<unsigned __int128>(array.length) * each;
      expect(static_cast<unsigned __int128>(child.length) == wanted, "a column in a column has not its length");
    }
  }

  void find_dictionary(const Field& field, Array& array) {
    const auto known = std::find_if(dictionaries_.begin(), dictionaries_.end(),
                                    [&](const StoredDictionary& each) { return each.id == field.dictionary_id; });
    expect(known != dictionaries_.end(), "a dictionary is missing");
    expect(known->field == field.dictionary || difference(*known->field, *field.dictionary).empty(),
           "a dictionary has not the type of its column");
    array.dictionary = known->array;
    array.index_format = field.format.front();
    expect(are_indexes(array, array.dictionary->length), "an index is outside of its dictionary");
  }

  const ipc::RecordBatch& batch_;
  std::string_view body_;
  const Dictionaries& dictionaries_;
  BareElements& bare_;
  flatbuffers::uoffset_t node_ = 0;
  flatbuffers::uoffset_t buffer_ = 0;
};

std::size_t dictionaries_of(const Field& field) {
  std::size_t count = field.dictionary ? 1 + dictionaries_of(*field.dictionary) : 0;
  for (const Field& child : field.children) count += dictionaries_of(child);
  return count;
}

std::shared_ptr<const Field> find_dictionary_field(const Field& field, std::int64_t id) {
  if (field.dictionary && field.dictionary_id == id) return field.dictionary;
  const Field& values = field.dictionary ? *field.dictionary : field;
  for (const Field& child : values.children) {
    if (std::shared_ptr<const Field> found = find_dictionary_field(child, id)) return found;
  }
  return nullptr;
}

void add_dictionary(const Field& schema, const Message& message, Dictionaries& dictionaries) {
  const ipc::DictionaryBatch& batch = *message.metadata->header_as_DictionaryBatch();
  if (batch.is_delta())
    throw UnsupportedError("a table is stored with dictionaries in parts, which tables cannot read");
  std::shared_ptr<const Field> field = find_dictionary_field(schema, batch.id());
  expect(field && batch.data(), "a dictionary is of no column");
  BareElements bare = bare_elements_of_dictionary(message.body);
  BatchDecoder decoder(*batch.data(), message.body, dictionaries, bare);
  auto values = std::make_shared<const Array>(decoder.next(*field));
  decoder.finish();
  std::erase_if(dictionaries, [&](const StoredDictionary& known) { return known.id == batch.id(); });
  dictionaries.push_back({batch.id(), std::move(field), std::move(values)});
}

}  // namespace

/// The messages of one piece, which is taken off the front of a value.
class PieceReader::Piece {
 public:
  Piece(std::string_view& value, std::string_view known_front, std::uint64_t known_hash)
      : bytes_(value), front_size_(value.starts_with(known_front) ? known_front.size() : 0) {
    value.remove_prefix(front_size_);
    if (has_known_front()) front_hash_ = known_hash;
    while (true) {
      const std::string_view before = value;
      const std::optional<Message> message = take_message(value);
      if (!message) break;
      if (!has_known_front() && message->is(ipc::Header::RecordBatch) && !batch_at_) {
        batch_at_ = bytes_.size() - before.size();
      }
      messages_.push_back(*message);
    }
    bytes_ = bytes_.substr(0, bytes_.size() - value.size());
    if (has_known_front()) batch_at_ = front_size_;
    check();
    check_form();
  }

  [[nodiscard]] bool has_known_front() const noexcept { return front_size_ > 0; }
  [[nodiscard]] bool is_checked() const noexcept { return is_checked_; }
  [[nodiscard]] const std::vector<Message>& messages() const noexcept { return messages_; }
  [[nodiscard]] std::string_view front() const noexcept { return bytes_.substr(0, *batch_at_); }
  [[nodiscard]] std::uint64_t front_hash() const noexcept { return front_hash_; }

 private:
  void check() {
    bool has_mark = has_known_front();
    std::optional<std::string_view> digits;
    for (const Message& message : messages_) {
      const std::optional<std::string_view> found = checksum_of(*message.metadata);
      if (!found) continue;
      if (message.is(ipc::Header::Schema)) {
        has_mark = true;
      } else {
        digits = found;
      }
    }
    is_checked_ = has_mark || digits;
    if (!is_checked_) return;
    expect(has_mark && digits && batch_at_, "a piece has lost its checksum");
    const std::optional<std::uint64_t> wanted = number_of(*digits);
    const auto digits_at = static_cast<std::size_t>(digits->data() - bytes_.data());
    expect(wanted && digits_at > *batch_at_, "a piece has lost its checksum");
    if (!has_known_front()) front_hash_ = hash64(front());
    const std::uint64_t before = hash64(bytes_.substr(*batch_at_, digits_at - *batch_at_), front_hash_);
    expect(hash64(bytes_.substr(digits_at + digits->size()), before) == *wanted, "a checksum does not match");
  }

  /// A schema, then dictionaries and batches; with a checksum one batch, as the last.
  void check_form() const {
    std::span<const Message> rest = messages_;
    if (!has_known_front()) {
      expect(!rest.empty() && rest.front().is(ipc::Header::Schema), "there is no schema");
      rest = rest.subspan(1);
    }
    const auto is_batch = [](const Message& message) { return message.is(ipc::Header::RecordBatch); };
    const auto is_of_rows = [&](const Message& message) {
      return is_batch(message) || message.is(ipc::Header::DictionaryBatch);
    };
    expect(std::all_of(rest.begin(), rest.end(), is_of_rows), "a message is neither of rows nor of a dictionary");
    if (!is_checked_) return;
    const auto batches = std::count_if(rest.begin(), rest.end(), is_batch);
    expect(batches == 1 && is_batch(rest.back()), "a piece has not one batch, after all else");
    expect(!has_known_front() || rest.size() == 1, "a piece has dictionaries of no column");
  }

  std::string_view bytes_;
  std::size_t front_size_;
  std::optional<std::size_t> batch_at_;  // the first one
  std::vector<Message> messages_;        // without those of a known front
  bool is_checked_ = false;
  std::uint64_t front_hash_ = 0;
};

void PieceReader::begin(const Piece& piece) {
  const Message& schema = piece.messages().front();
  latest_ = read_schema(*schema.metadata->header_as_Schema(), schema.metadata_size);
  const std::size_t wanted = dictionaries_of(latest_) + 2;  // with the schema and the batch
  expect(!piece.is_checked() || piece.messages().size() == wanted, "a piece has not one dictionary a column");
  dictionaries_.clear();
  front_ = {};
  if (!schema_) {
    schema_ = latest_;
  } else if (const std::string differs = difference(*schema_, latest_); !differs.empty()) {
    throw TypeMismatchError("the value holds different tables: " + differs);
  } else {
    for (std::size_t i = 0; i < latest_.children.size(); ++i) {
      if (decides(latest_.children[i], schema_->children[i])) schema_->children[i] = latest_.children[i];
    }
  }
}

void PieceReader::add(std::string_view value) {
  BareElements bare{max_rows, max_rows};
  InterruptibleWork work;
  while (!value.empty()) {
    const std::size_t before = value.size();
    const Piece piece(value, front_, front_hash_);
    work.done(before - value.size());
    if (!piece.has_known_front()) begin(piece);
    for (const Message& message : piece.messages()) {
      if (message.is(ipc::Header::DictionaryBatch)) add_dictionary(latest_, message, dictionaries_);
      if (!message.is(ipc::Header::RecordBatch)) continue;
      BatchDecoder decoder(*message.metadata->header_as_RecordBatch(), message.body, dictionaries_, bare);
      Array rows{.length = decoder.length()};
      for (const Field& field : latest_.children) {
        rows.children.push_back(decoder.next(field));
        expect(rows.children.back().length == rows.length, "a column has not the length of its table");
      }
      decoder.finish();
      batches_.push_back(std::move(rows));
    }
    if (!piece.is_checked()) continue;
    front_ = piece.front();
    front_hash_ = piece.front_hash();
  }
}

}  // namespace accrete::python
