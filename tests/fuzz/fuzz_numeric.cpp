// Fuzzes the decoder of typed values, also after right checksums: however a value is read, the same comes out of it,
// and what is decoded is what is encoded.
#include <accrete/accrete.hpp>
#include <accrete/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "support/require.hpp"
#include "typed/element_packing.hpp"
#include "typed/samples.hpp"
#include "typed/value_reader.hpp"

namespace {

using namespace accrete;

constexpr std::string_view key = "k";

/// What a value holds, up to where it is at fault.
struct Contents {
  std::optional<ElementType> type{};
  std::string elements{};  // as they are stored
  std::string problem{};
};

/// Calls `decode`; the message of what a decoder may throw for foreign bytes.
template <typename Decode>
std::string problem_of(Decode decode) {
  try {
    decode();
    return {};
  } catch (const CorruptionError& error) {
    return error.what();
  } catch (const TypeMismatchError& error) {
    return error.what();
  } catch (const UnsupportedError& error) {
    return error.what();
  }
}

Contents contents_of(ValueReader reader) {
  Contents contents;
  contents.problem = problem_of([&] {
    while (const std::size_t count = reader.next()) {
      const std::size_t before = contents.elements.size();
      for (const std::string_view payload : reader.payloads()) contents.elements += payload;
      test::require((contents.elements.size() - before) / reader.type()->size() == count,
                    "the elements are those of the pieces");
    }
  });
  contents.type = reader.type();
  return contents;
}

void check_same(const Contents& found, const Contents& expected) {
  test::require(found.elements == expected.elements, "the same elements come out, however they are read");
  test::require(found.problem == expected.problem, "the same fault is found, however a value is read");
}

void check_count(const Store& store, const Contents& contents, const ElementType& type) {
  const std::string problem = problem_of([&] {
    const std::optional<ValueCount> count = count_elements(store, key, type);
    const bool is_right = count->elements * type.size() == contents.elements.size();
    test::require(!contents.problem.empty() || is_right, "as many elements are counted as are read");
  });
  test::require(problem.empty() || !contents.problem.empty(), "what is counted in vain is not read either");
}

/// Elements in memory and back.
void check_packing(const std::string& elements, const detail::ElementLayout& layout) {
  const ElementPacking packing(layout);
  std::string memory(elements.size() / packing.packed_size() * packing.element_size(), '\0');
  packing.unpack(elements, std::as_writable_bytes(std::span{memory}));
  std::string packed;
  packing.pack(memory, packed);
  test::require(packed == elements, "what is unpacked is packed as it was");
}

void check_again(const ElementType& type, std::string_view elements) {
  std::string piece;
  const std::size_t begin = begin_piece(type.tag(), elements.size() / type.size(), piece);
  piece += elements;
  finish_piece(begin, piece);
  const Contents again = contents_of({piece, key, type});
  test::require(again.problem.empty() && again.elements == elements, "a piece holds what was encoded");
}

void decode(const std::string& value) {
  const Contents contents = contents_of({value, key, std::nullopt});
  const std::unique_ptr<Store> store = memory_store();
  store->append(key, value);
  check_same(contents_of({*store, key, std::nullopt}), contents);
  if (!contents.type) return;
  check_same(contents_of({*store, key, contents.type}), contents);
  check_count(*store, contents, *contents.type);
  check_again(*contents.type,
              contents.elements.substr(0, max_payload_size / contents.type->size() * contents.type->size()));
}

/// Structs of a type that programs have.
void decode_samples(const std::string& value) {
  const detail::ElementLayout& layout = detail::layout_of<test::Sample>();
  const Contents samples = contents_of({value, key, ElementType(layout)});
  check_packing(samples.elements, layout);
}

/// The bytes as pieces with right checksums, each as long as its header says; the last may be of another length.
std::string sealed(std::string value) {
  std::string pieces;
  while (value.size() >= piece_header_size) {
    ByteReader reader(std::string_view(value).substr(6));
    const std::size_t schema_size = reader.integer<std::uint16_t>();
    reader = ByteReader(std::string_view(value).substr(24));
    const std::uint64_t element_size = reader.integer<std::uint32_t>();
    const std::uint64_t payload_size = element_size * reader.integer<std::uint32_t>();
    const std::size_t front_size = piece_header_size + padded_size(schema_size);
    if (front_size > value.size()) break;
    const bool fits =
        payload_size <= value.size() - front_size && padded_size(payload_size) <= value.size() - front_size;
    std::string piece = value.substr(0, fits ? front_size + padded_size(payload_size) : value.size());
    value.erase(0, piece.size());
    piece.resize(padded_size(piece.size()));
    seal_piece(0, piece);
    pieces += piece;
  }
  return pieces + value;
}

/// More than a reader's window, of the type of which most seeds are.
const std::string& long_front() {
  static const std::string front = [] {
    std::string pieces;
    for (int i = 0; i < 2; ++i) {
      const std::size_t begin = begin_piece(ElementType(detail::layout_of<double>()).tag(), 20'000, pieces);
      pieces.append(20'000 * sizeof(double), '\0');
      finish_piece(begin, pieces);
    }
    return pieces;
  }();
  return front;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string value(reinterpret_cast<const char*>(data), size);
  const std::string sealed_value = sealed(value);
  if (sealed_value != value) decode(value);
  decode(sealed_value);
  decode_samples(sealed_value);
  const bool is_one_of_many = hash64(value) % 256 == 0;  // for a long value takes long
  if (is_one_of_many) decode(long_front() + sealed_value);
  return 0;
}
