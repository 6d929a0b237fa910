// Pins the pieces of typed values: what Numeric and Columns append is, byte for byte, what is kept in numeric/ beside
// this file, a file a key.
//
// GOLDEN is the folder of this file. With WRITE_GOLDEN set the files are made anew: only for a new format version.
#include <accrete/accrete.hpp>
#include <accrete/columns.hpp>
#include <accrete/numeric.hpp>
#include <array>
#include <cstdlib>
#include <doctest/doctest.h>

#include "base/key_name.hpp"
#include "support/file_bytes.hpp"
#include "typed/samples.hpp"

namespace accrete::test {
namespace {

constexpr std::size_t number_of_files = 6;

std::string golden_file(std::string_view key) {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/numeric/" + key_to_name(key);
}

Sample sample() { return {.valid = true, .reading = -0.5, .channel = -7, .scratch = 0, .phase = {1, 2}}; }

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
}

}  // namespace
}  // namespace accrete::test
