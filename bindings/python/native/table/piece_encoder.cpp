#include <accrete/error.hpp>
#include <cstring>
#include <numeric>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "piece.hpp"
#include "schema_message.hpp"

namespace accrete::python {
namespace {

using flatbuffers::FlatBufferBuilder;

constexpr std::uint32_t continuation = 0xFFFFFFFF;
constexpr std::size_t prefix_size = 2 * sizeof(std::uint32_t);
constexpr std::size_t checksum_size = 16;  // digits

std::string framed(std::string_view metadata) {
  const std::size_t size = padded(metadata.size());
  std::string bytes;
  bytes.reserve(prefix_size + size);
  append_le(bytes, continuation);
  append_le(bytes, static_cast<std::uint32_t>(size));
  bytes += metadata;
  bytes.resize(prefix_size + size);
  return bytes;
}

struct Counts {
  std::size_t nodes = 0;
  std::size_t buffers = 0;
};

void count(const Field& field, Counts& counts) {
  ++counts.nodes;
  counts.buffers += buffers_of(field.layout);
  for (const Field& child : field.children) count(child, counts);
}

flatbuffers::Offset<ipc::RecordBatch> empty_batch(FlatBufferBuilder& builder, const Counts& counts) {
  const std::vector<ipc::FieldNode> nodes(counts.nodes);
  const std::vector<ipc::Buffer> buffers(counts.buffers);
  const auto node_list = builder.CreateVectorOfStructs(nodes);
  return ipc::CreateRecordBatch(builder, 0, node_list, builder.CreateVectorOfStructs(buffers));
}

BatchMessage located(const FlatBufferBuilder& builder) {
  const std::uint8_t* const begin = builder.GetBufferPointer();
  BatchMessage message{framed({reinterpret_cast<const char*>(begin), builder.GetSize()})};
  const auto place = [begin](const void* at) {
    return prefix_size + static_cast<std::size_t>(static_cast<const std::uint8_t*>(at) - begin);
  };
  const ipc::Message& root = *ipc::GetMessage(begin);
  const ipc::DictionaryBatch* const dictionary = root.header_as_DictionaryBatch();
  const ipc::RecordBatch& batch = dictionary ? *dictionary->data() : *root.header_as_RecordBatch();
  message.length_at =
      place(reinterpret_cast<const flatbuffers::Table&>(batch).GetAddressOf(ipc::RecordBatch::VT_LENGTH));
  message.nodes_at = place(batch.nodes()->Data());
  message.buffers_at = place(batch.buffers()->Data());
  message.body_size_at =
      place(reinterpret_cast<const flatbuffers::Table&>(root).GetAddressOf(ipc::Message::VT_BODY_LENGTH));
  if (root.custom_metadata()) message.checksum_at = place(root.custom_metadata()->Get(0)->value()->data());
  return message;
}

BatchMessage record_batch_message(const Field& table) {
  Counts counts;
  for (const Field& field : table.children) count(field, counts);
  FlatBufferBuilder builder;
  builder.ForceDefaults(true);
  const auto batch = empty_batch(builder, counts);
  const auto key = builder.CreateString(checksum_key);
  const auto pair = ipc::CreateKeyValue(builder, key, builder.CreateString(std::string(checksum_size, '0')));
  const auto checksum = builder.CreateVector(std::vector{pair});
  builder.Finish(ipc::CreateMessage(builder, ipc::Version::V5, ipc::Header::RecordBatch, batch.Union(), 0, checksum));
  return located(builder);
}

BatchMessage dictionary_message(const Field& values, std::int64_t id) {
  Counts counts;
  count(values, counts);
  FlatBufferBuilder builder;
  builder.ForceDefaults(true);
  const auto dictionary = ipc::CreateDictionaryBatch(builder, id, empty_batch(builder, counts));
  builder.Finish(ipc::CreateMessage(builder, ipc::Version::V5, ipc::Header::DictionaryBatch, dictionary.Union()));
  return located(builder);
}

void store(std::byte* to, std::uint64_t value) noexcept { store_le(std::span<std::byte, 8>(to, 8), value); }
void store(std::byte* to, std::int64_t value) noexcept { store(to, static_cast<std::uint64_t>(value)); }

void write_digits(std::byte* to, std::uint64_t number) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 0; i < checksum_size; ++i) {
    to[i] = static_cast<std::byte>(digits[number >> (4 * (checksum_size - 1 - i)) & 15U]);
  }
}

/// Empty if it is one part, or they are not all rows of a table.
std::vector<std::uint32_t> pieces_of_rows(std::span<const Rows> parts, std::int64_t length) {
  std::size_t rows = 0;
  for (const Rows part : parts) rows += part.size();
  if (parts.size() < 2 || rows != static_cast<std::size_t>(length)) return {};
  std::vector<std::uint32_t> pieces(rows);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    for (const std::uint32_t row : parts[part]) pieces[row] = static_cast<std::uint32_t>(part);
  }
  return pieces;
}

std::string_view view(const std::byte* begin, const std::byte* end) noexcept { return as_string_view({begin, end}); }

}  // namespace

std::byte* Arena::take(std::size_t size) {
  constexpr std::size_t block_size = std::size_t{1} << 20;
  if (size > left_) {
    left_ = std::max(size, block_size);
    next_ = blocks_.emplace_back(allocate(left_)).get();
  }
  left_ -= size;
  return std::exchange(next_, next_ + size);
}

void BatchMessage::write(std::byte* to, std::int64_t length, const Taking& taking) const noexcept {
  std::memcpy(to, bytes.data(), bytes.size());
  store(to + length_at, length);
  store(to + body_size_at, static_cast<std::uint64_t>(taking.body_size()));
  std::byte* node = to + nodes_at;
  for (const NodeCounts& counts : taking.nodes()) {
    store(node, counts.length);
    store(node + 8, counts.null_count);
    node += sizeof(ipc::FieldNode);
  }
  std::byte* buffer = to + buffers_at;
  for (const BufferPlace& place : taking.buffers()) {
    store(buffer, place.offset);
    store(buffer + 8, place.size);
    buffer += sizeof(ipc::Buffer);
  }
}

PieceEncoder::PieceEncoder(const Column& table)
    : table_(table),
      schema_(stored_form(table.field)),
      front_(framed(schema_metadata(schema_))),
      message_(record_batch_message(schema_)) {
  for (std::size_t i = 0; i < schema_.children.size(); ++i) {
    add_dictionaries(schema_.children[i], table.field.children[i], table.array.children[i]);
  }
  front_hash_ = hash64(front_);
}

void PieceEncoder::add_dictionaries(const Field& stored, const Field& field, const Array& array) {
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    add_dictionaries(stored.children[i], field.children[i], array.children[i]);
  }
  if (!field.dictionary) return;
  std::vector<std::uint32_t> all(static_cast<std::size_t>(array.dictionary->length));
  std::iota(all.begin(), all.end(), 0U);
  Taking taking;
  taking.measure(*field.dictionary, *array.dictionary, all);
  const BatchMessage message = dictionary_message(*stored.dictionary, stored.dictionary_id);
  const std::size_t begin = front_.size();
  front_.resize(begin + message.bytes.size() + taking.body_size());
  auto* const to = reinterpret_cast<std::byte*>(front_.data()) + begin;
  message.write(to, array.dictionary->length, taking);
  taking.fill(*field.dictionary, *array.dictionary, all, to + message.bytes.size());
}

std::vector<std::string_view> PieceEncoder::encode_all(std::span<const Rows> parts, Arena& arena) {
  const std::size_t columns = table_.field.children.size();
  const std::vector<std::uint32_t> piece_of_row = pieces_of_rows(parts, table_.array.length);
  const auto is_distributed = [&](const Field& field) { return !piece_of_row.empty() && can_distribute(field); };
  std::vector<Taking> takings(parts.size());
  for (std::size_t i = 0; i < columns; ++i) {
    const Field& field = table_.field.children[i];
    const Array& array = table_.array.children[i];
    const bool has_bytes = is_distributed(field) && field.layout != Layout::fixed;
    const auto bytes =
        has_bytes ? bytes_of_pieces(field, array, piece_of_row, parts.size()) : std::vector<std::size_t>();
    for (std::size_t part = 0; part < parts.size(); ++part) {
      takings[part].measure(field, array, parts[part], has_bytes ? std::optional(bytes[part]) : std::nullopt);
    }
  }
  std::vector<std::span<std::byte>> pieces;
  for (const Taking& taking : takings) {
    const std::size_t size = body_at() + taking.body_size() + prefix_size;
    pieces.emplace_back(arena.take(size), size);
  }
  for (std::size_t i = 0; i < columns; ++i) {
    const Field& field = table_.field.children[i];
    const Array& array = table_.array.children[i];
    std::vector<Places> places;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      std::byte* const body = pieces[part].data() + body_at();
      if (is_distributed(field)) {
        places.push_back(takings[part].fill_validity_of(field, array, parts[part], body));
      } else {
        takings[part].fill(field, array, parts[part], body);
      }
    }
    if (is_distributed(field)) distribute(field, array, piece_of_row, places);
  }
  std::vector<std::string_view> encoded;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    finish(pieces[part], parts[part].size(), takings[part]);
    encoded.push_back(as_string_view(pieces[part]));
  }
  return encoded;
}

std::string_view PieceEncoder::encode(Rows rows, Arena& arena) { return encode_all({&rows, 1}, arena).front(); }

/// Writes all but the body.
void PieceEncoder::finish(std::span<std::byte> piece, std::size_t rows, const Taking& taking) const noexcept {
  std::byte* const batch = piece.data() + front_.size();
  std::byte* const end = piece.data() + piece.size() - prefix_size;
  std::memcpy(piece.data(), front_.data(), front_.size());
  message_.write(batch, static_cast<std::int64_t>(rows), taking);
  store(end, std::uint64_t{continuation});
  std::byte* const digits = batch + message_.checksum_at;
  const std::uint64_t before = hash64(view(batch, digits), front_hash_);
  write_digits(digits, hash64(view(digits + checksum_size, end + prefix_size), before));
}

}  // namespace accrete::python
