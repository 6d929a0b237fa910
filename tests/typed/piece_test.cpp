#include "typed/piece.hpp"

#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <functional>

#include "base/bytes.hpp"
#include "typed/element_type.hpp"
#include "typed/samples.hpp"

namespace accrete::test {
namespace {

/// What a Numeric makes of the elements.
template <typename T>
std::string encoded(std::initializer_list<T> elements) {
  Numeric<T> numeric{memory_store()};
  numeric.append("k", elements);
  return numeric.store().get("k");
}

/// The elements of a value that somebody else has written.
template <typename T>
std::vector<T> decoded(const std::string& value) {
  Numeric<T> numeric{memory_store()};
  numeric.store().append("k", value);
  return numeric.get("k");
}

/// What `read` throws: 'c' CorruptionError, 't' TypeMismatchError, 'u' UnsupportedError, ' ' nothing.
char outcome_of(const std::function<void()>& read) {
  try {
    read();
    return ' ';
  } catch (const CorruptionError&) {
    return 'c';
  } catch (const TypeMismatchError&) {
    return 't';
  } catch (const UnsupportedError&) {
    return 'u';
  }
}

template <typename T>
char outcome(const std::string& value) {
  return outcome_of([&] { static_cast<void>(decoded<T>(value)); });
}

/// A piece of one double whose header says something else, under right checksums.
template <typename T>
std::string forged(std::size_t offset, T field) {
  std::string piece = encoded<double>({1.5});
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span{piece});
  store_le(std::span<std::byte, sizeof(T)>(bytes.subspan(offset, sizeof(T))), field);
  seal_piece(0, piece);
  return piece;
}

using Outcome = std::function<char(const std::string& value)>;

void check_flips(const std::string& value, std::size_t begin, std::size_t end, const Outcome& outcome_of_value) {
  REQUIRE(outcome_of_value(value) == ' ');
  for (std::size_t i = begin; i < end; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = value;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      CAPTURE(i);
      CHECK(outcome_of_value(flipped) == 'c');
    }
  }
}

void check_cuts(const std::string& value, const std::vector<std::size_t>& boundaries, const Outcome& outcome_of_value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool is_boundary = std::find(boundaries.begin(), boundaries.end(), i) != boundaries.end();
    CAPTURE(i);
    CHECK(outcome_of_value(value.substr(0, i)) == (is_boundary ? ' ' : 'c'));
  }
}

void check_flips_and_cuts(const std::string& value, const std::vector<std::size_t>& boundaries,
                          const Outcome& outcome_of_value) {
  check_flips(value, 0, value.size(), outcome_of_value);
  check_cuts(value, boundaries, outcome_of_value);
}

TEST_CASE("every flipped bit and every cut within a piece is noticed") {
  const std::string first = encoded<double>({1.5, -0.0});
  const std::string second = encoded<double>({2.5});
  check_flips_and_cuts(first + second, {0, first.size()}, outcome<double>);
  check_flips_and_cuts(encoded<std::int8_t>({1, 2, 3}), {0}, outcome<std::int8_t>);
  check_flips_and_cuts(encoded<bool>({true, false}), {0}, outcome<bool>);
  check_flips_and_cuts(encoded<Point>({{1, 2}}), {0}, outcome<Point>);
  check_flips_and_cuts(encoded<float>({}), {0}, outcome<float>);
}

/// The outcome of `read` over a store that has the value under the key "k".
Outcome reading(const std::function<void(const Numeric<double>&)>& read) {
  return [read](const std::string& value) {
    Numeric<double> numeric{memory_store()};
    numeric.store().append("k", value);
    return outcome_of([&] { read(numeric); });
  };
}

TEST_CASE("whichever function reads elements notices flipped bits and cuts") {
  const std::string first = encoded<double>({1.5, -0.0});
  const std::string value = first + encoded<double>({2.5});
  std::array<double, 3> room{};
  const std::array<std::string_view, 1> keys = {"k"};
  const std::array<Outcome, 4> readers = {
      reading([&](const Numeric<double>& numeric) { static_cast<void>(numeric.get_into("k", room)); }),
      reading([&](const Numeric<double>& numeric) { static_cast<void>(numeric.get_batch(keys)); }),
      reading([&](const Numeric<double>& numeric) { static_cast<void>(numeric.pieces("k").rest()); }),
      reading([&](const Numeric<double>& numeric) {
        NumericPieces<double> pieces = numeric.pieces("k");
        while (!pieces.next().empty()) {
        }
      })};
  for (const Outcome& reader : readers) check_flips_and_cuts(value, {0, first.size()}, reader);
}

TEST_CASE("size notices flipped bits of headers, and cuts") {
  const std::string first = encoded<double>({1.5, -0.0});
  const std::string value = first + encoded<double>({2.5});
  const Outcome size = reading([](const Numeric<double>& numeric) { static_cast<void>(numeric.size("k")); });
  check_flips(value, 0, piece_header_size, size);
  check_flips(value, first.size(), first.size() + piece_header_size, size);
  check_cuts(value, {0, first.size()}, size);
}

TEST_CASE("flipped bits and cuts are noticed after the first window, too") {
  Numeric<double> numeric{memory_store()};
  for (int i = 0; i < 3; ++i) numeric.append("k", std::vector<double>(20'000, i));
  const std::string front = numeric.store().get("k");
  const std::string last = encoded<double>({2.5});
  const auto after = [&](const Outcome& outcome_of_value) {
    return [&](const std::string& value) { return outcome_of_value(front + value); };
  };
  const Outcome get = outcome<double>;
  const Outcome size = reading([](const Numeric<double>& of) { static_cast<void>(of.size("k")); });
  check_flips_and_cuts(last, {0}, after(get));
  check_flips(last, 0, piece_header_size, after(size));
  check_cuts(last, {0}, after(size));
}

TEST_CASE("flipped bits and cuts of a table's columns, and of their names and types, are noticed") {
  const std::unique_ptr<Store> store = memory_store();
  Columns columns{*store};
  columns.append("k", {column("a", std::array{1.5F}), column("b", std::array{2})});
  const auto reading_with = [&](const std::string& key, const std::function<void()>& read) {
    return [&store, key, read](const std::string& value) {
      store->erase(key);
      store->append(key, value);
      return outcome_of(read);
    };
  };
  const std::string header_key("k\0", 2);
  const std::string header = store->get(header_key);
  const auto columns_read = reading_with(header_key, [&] { static_cast<void>(columns.columns("k")); });
  check_flips_and_cuts(header, {}, columns_read);
  REQUIRE(columns_read(header) == ' ');
  const std::string key = Columns::column_key("k", "a");
  const std::string value = store->get(key);
  check_flips_and_cuts(value, {0}, reading_with(key, [&] { static_cast<void>(columns.get<float>("k", "a")); }));
  check_flips_and_cuts(value, {}, reading_with(key, [&] {
                         static_cast<void>(columns.get<float, std::int32_t>("k", {"a", "b"}));
                       }));
}

TEST_CASE("the message of a damaged value names the key and the byte") {
  Numeric<double> numeric{memory_store()};
  numeric.append("delays", {1, 2});
  std::string damaged = numeric.store().get("delays");
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  numeric.store().append("delays", damaged);
  CHECK_THROWS_WITH_AS(static_cast<void>(numeric.get("delays")),
                       "the value of key 'delays' at byte 48 is damaged: the elements of a piece have a wrong checksum",
                       CorruptionError);
  numeric.erase("delays");
  numeric.store().append("delays", damaged.substr(0, 47));
  CHECK_THROWS_WITH_AS(static_cast<void>(numeric.get("delays")),
                       "the value of key 'delays' ends at byte 47, within the piece that begins at byte 0: a torn tail",
                       CorruptionError);
  CHECK_THROWS_AS(static_cast<void>(numeric.size("delays")), CorruptionError);
}

TEST_CASE("elements before a damaged piece are read before the error") {
  const std::unique_ptr<Store> store = memory_store();
  Numeric<double> numeric{*store};
  for (int i = 0; i < 10; ++i) numeric.append("k", {double(i)});
  const std::string value = store->get("k");
  const std::size_t piece_size = value.size() / 10;
  for (std::size_t bad = 0; bad < 10; ++bad) {
    std::string damaged = value;
    damaged[bad * piece_size + piece_header_size] ^= 1;
    const std::string torn = value.substr(0, bad * piece_size + 1);
    for (const std::string& at_fault : {damaged, torn}) {
      store->erase("k");
      store->append("k", at_fault);
      std::array<NumericPieces<double>, 2> readers = {numeric.pieces("k"), NumericPieces<double>(at_fault, "k")};
      for (NumericPieces<double>& pieces : readers) {
        CAPTURE(bad);
        if (bad > 0) CHECK(pieces.next().size() == bad);
        CHECK_THROWS_AS(static_cast<void>(pieces.next()), CorruptionError);
        CHECK_THROWS_AS(static_cast<void>(pieces.next()), CorruptionError);
      }
      CHECK_THROWS_AS(static_cast<void>(numeric.get("k")), CorruptionError);
    }
  }
}

TEST_CASE("the concatenation of values is the value of the concatenation") {
  const std::string joined = encoded<float>({1, 2}) + encoded<float>({}) + encoded<float>({3});
  CHECK(decoded<float>(joined) == std::vector<float>{1, 2, 3});
}

TEST_CASE("a header that says too much is refused before memory is asked for") {
  constexpr std::size_t element_size_offset = 24;
  constexpr std::size_t count_offset = 28;
  CHECK(outcome<double>(forged<std::uint32_t>(count_offset, 1)) == ' ');
  CHECK(outcome<double>(forged<std::uint32_t>(count_offset, 2)) == 'c');
  CHECK(outcome<double>(forged<std::uint32_t>(count_offset, 1 << 17)) == 'c');
  CHECK(outcome<double>(forged<std::uint32_t>(count_offset, (1 << 17) + 1)) == 'c');
  CHECK(outcome<double>(forged<std::uint32_t>(count_offset, ~std::uint32_t{0})) == 'c');
  CHECK(outcome<double>(forged<std::uint32_t>(element_size_offset, 0)) == 'c');
  CHECK(outcome<double>(forged<std::uint32_t>(element_size_offset, 4)) == 'c');
  // Both fields at once: 2^63 bytes.
  CHECK(outcome<double>(forged<std::uint64_t>(element_size_offset, 0x8000'0000'FFFF'FFFF)) == 'c');
}

TEST_CASE("a type that is none, a bool that is none and another version are refused") {
  constexpr std::size_t version_offset = 4;
  constexpr std::size_t type_offset = 5;
  CHECK(outcome<double>(forged<std::uint8_t>(version_offset, 2)) == 'u');
  for (const int code : {0, 14, 31, 32, 255}) {
    CAPTURE(code);
    CHECK(outcome<double>(forged(type_offset, static_cast<std::uint8_t>(code))) == 'c');
  }
  std::string piece = encoded<bool>({true});
  piece[piece_header_size] = 2;
  seal_piece(0, piece);
  CHECK(outcome<bool>(piece) == 'c');
}

TEST_CASE("padding that is not zero is refused, also after right checksums") {
  const auto sealed_with_last = [](std::string piece, std::size_t size) {
    piece[size - 1] = 1;
    seal_piece(0, piece);
    return piece;
  };
  const std::string bools = encoded<bool>({true, false, true});
  CHECK(outcome<bool>(sealed_with_last(bools, piece_header_size + 3)) == ' ');
  CHECK(outcome<bool>(sealed_with_last(bools, bools.size())) == 'c');
  const std::string points = encoded<Point>({{1, 2}});
  CHECK(outcome<Point>(sealed_with_last(points, points.size() - sizeof(Point))) == 'c');
}

TEST_CASE("what is no array of numbers is told from a damaged one") {
  for (const char* raw : {"x", "plain text", "plain text that is longer than the header of a piece"}) {
    CHECK(outcome<double>(raw) == 't');
    CHECK(outcome<double>(encoded<double>({1}) + raw) == 'c');
  }
  CHECK(outcome<double>("") == ' ');
}

TEST_CASE("another type, before, between or after, is a TypeMismatchError") {
  const std::string number = encoded<double>({1});
  for (const std::string& other : {encoded<float>({1}), encoded<std::int64_t>({1}), encoded<Point>({{1, 2}})}) {
    CHECK(outcome<double>(other) == 't');
    CHECK(outcome<double>(number + other + number) == 't');
    CHECK(outcome<double>(other + number) == 't');
  }
}

TEST_CASE("a schema is read as it was written, and nothing else is one") {
  const ElementType type(detail::layout_of<Sample>());
  CHECK(type.name() == "struct(channel:int16,valid:bool,reading:float64,phase:complex64)");
  CHECK(type.size() == 2 + 1 + 8 + 8);
  const auto decoded_type = ElementType::try_decode(type.tag());
  REQUIRE(decoded_type);
  CHECK(decoded_type->tag() == type.tag());
  const auto is_schema = [](std::string_view schema, std::uint32_t size) {
    return ElementType::try_decode({.code = struct_code, .element_size = size, .schema = schema}).has_value();
  };
  CHECK(is_schema("a:int8", 1));
  CHECK(is_schema("a:int8,b_2:bool", 2));
  CHECK_FALSE(is_schema("a:int8,b_2:bool", 3));
  for (const char* schema : {"", ",", ":", ":int8", "a", "a:", "a:int7", "a:int8,", ",a:int8", "a:int8,a:int8",
                             "a b:int8", "a:int8,,b:int8", "a:int8:int8"}) {
    CAPTURE(schema);
    CHECK_FALSE(is_schema(schema, 1));
    CHECK_FALSE(is_schema(schema, 2));
  }
  const std::string max_name_size(max_field_name_size, 'n');
  CHECK(is_schema(max_name_size + ":int8", 1));
  CHECK_FALSE(is_schema(max_name_size + "n:int8", 1));
  std::string many = "f:int8";
  for (std::size_t i = 1; i < max_fields; ++i) many += ",f" + std::to_string(i) + ":int8";
  CHECK(is_schema(many, max_fields));
  CHECK_FALSE(is_schema(many + ",g:int8", max_fields + 1));
}

TEST_CASE("every number has its size and its name") {
  const auto check = [](auto number, NumberType type, std::string_view name) {
    CHECK(number_type<decltype(number)>() == type);
    CHECK(name_of(type) == name);
    CHECK(size_of(type) == sizeof number);
  };
  check(std::int8_t{}, NumberType::int8, "int8");
  check(std::int16_t{}, NumberType::int16, "int16");
  check(std::int32_t{}, NumberType::int32, "int32");
  check(std::int64_t{}, NumberType::int64, "int64");
  check(0LL, NumberType::int64, "int64");
  check(std::uint8_t{}, NumberType::uint8, "uint8");
  check(std::uint16_t{}, NumberType::uint16, "uint16");
  check(std::uint32_t{}, NumberType::uint32, "uint32");
  check(std::uint64_t{}, NumberType::uint64, "uint64");
  check(float{}, NumberType::float32, "float32");
  check(double{}, NumberType::float64, "float64");
  check(std::complex<float>{}, NumberType::complex64, "complex64");
  check(std::complex<double>{}, NumberType::complex128, "complex128");
  check(bool{}, NumberType::boolean, "bool");
  static_assert(!Element<char> && !Element<long double> && !Element<const int> && !Element<std::string>);
}

}  // namespace
}  // namespace accrete::test
