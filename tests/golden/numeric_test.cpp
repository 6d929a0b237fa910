// Pins the pieces of typed values: what Numeric and Columns append is, byte for byte, what is kept in numeric/ beside
// this file, a file a key.
//
// GOLDEN is the folder of this file. With WRITE_GOLDEN set the files are made anew: only for a new format version.
#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <array>
#include <cerrno>
#include <complex>
#include <cstdlib>
#include <doctest/doctest.h>

#include "base/key_name.hpp"
#include "support/file_bytes.hpp"
#include "support/hooked_store.hpp"
#include "typed/samples.hpp"

namespace accrete::test {
namespace {

constexpr std::size_t number_of_files = 7;

std::string golden_file(std::string_view key) {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/numeric/" + key_to_name(key);
}

Sample sample() { return {.valid = true, .reading = -0.5, .channel = -7, .scratch = 0, .phase = {1, 2}}; }

/// Of a table whose erase was interrupted, the names and types are left.
void append_half_erased_table(Store& store) {
  HookedStore interrupted(store);
  Columns columns{interrupted};
  columns.append("half", {column("a", std::array{std::int16_t{-2}}), column("b", std::array{2.5F})});
  interrupted.before = [](HookedStore::Call call, std::string_view key) {
    if (call == HookedStore::Call::erase && key.back() == '\0') throw IoError("erase", "key", EIO);
  };
  CHECK_THROWS_AS(columns.erase("half"), IoError);
}

/// Each key has the value of a file.
std::unique_ptr<Store> sample_store() {
  std::unique_ptr<Store> store = memory_store();
  Numeric<double> doubles{*store};
  doubles.append("doubles", {1.5, -0.0});
  doubles.append("doubles", {});
  doubles.append("doubles", {1e300});
  Numeric<bool>{*store}.append("bools", {true, false, true});
  Numeric<Sample>{*store}.append("structs", std::array{sample(), Sample{}});
  Columns{*store}.append("table", {column("a", std::array{std::int16_t{-2}}), column("b", std::array{2.5F})});
  append_half_erased_table(*store);
  return store;
}

TEST_CASE("typed values are written today as the golden files hold them") {
  const std::unique_ptr<Store> store = sample_store();
  const std::vector<KeySize> keys = store->list();
  CHECK(keys.size() == number_of_files);
  for (const KeySize& key : keys) {
    if (std::getenv("WRITE_GOLDEN")) write_file(golden_file(key.key), store->get(key.key));
    CAPTURE(key.key);
    CHECK((store->get(key.key) == read_file(golden_file(key.key))));
  }
}

TEST_CASE("the golden typed values are read") {
  const std::unique_ptr<Store> store = memory_store();
  for (const KeySize& key : sample_store()->list()) store->append(key.key, read_file(golden_file(key.key)));
  CHECK(Numeric<double>{*store}.get("doubles") == std::vector<double>{1.5, -0.0, 1e300});
  CHECK(Numeric<bool>{*store}.get("bools") == std::vector<bool>{true, false, true});
  const std::vector<Sample> samples = Numeric<Sample>{*store}.get("structs");
  REQUIRE(samples.size() == 2);
  CHECK(samples[0].valid);
  CHECK(samples[0].reading == -0.5);
  CHECK(samples[0].channel == -7);
  CHECK(samples[0].phase == std::complex<float>(1, 2));
  const Columns table{*store};
  CHECK(table.columns("table") == std::vector<ColumnType>{{"a", NumberType::int16}, {"b", NumberType::float32}});
  CHECK(table.rows("table") == 1);
  CHECK(table.get<std::int16_t>("table", "a") == std::vector<std::int16_t>{-2});
  CHECK(table.get<float>("table", "b") == std::vector<float>{2.5F});
  CHECK_THROWS_AS(static_cast<void>(table.columns("half")), ErasedError);
}

template <typename T>
void check_code(int code) {
  constexpr std::size_t code_offset = 5;
  Numeric<T> numeric{memory_store()};
  numeric.append("k", {});
  CHECK(static_cast<int>(numeric.store().get("k").at(code_offset)) == code);
}

TEST_CASE("each type has its code") {
  check_code<std::int8_t>(1);
  check_code<std::int16_t>(2);
  check_code<std::int32_t>(3);
  check_code<std::int64_t>(4);
  check_code<std::uint8_t>(5);
  check_code<std::uint16_t>(6);
  check_code<std::uint32_t>(7);
  check_code<std::uint64_t>(8);
  check_code<float>(9);
  check_code<double>(10);
  check_code<std::complex<float>>(11);
  check_code<std::complex<double>>(12);
  check_code<bool>(13);
  check_code<Sample>(32);
}

}  // namespace
}  // namespace accrete::test
