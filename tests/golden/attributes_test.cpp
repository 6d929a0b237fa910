// Pins the file of a dataset's attributes: what these are written as is, byte for byte, what is kept in `attributes`
// beside this file. With WRITE_GOLDEN set it is made anew: only for a new format version.
#include "base/attributes.hpp"

#include <cstdlib>
#include <doctest/doctest.h>

#include "support/file_bytes.hpp"

namespace accrete::test {
namespace {

std::string golden_file() {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/attributes";
}

Attributes sample_attributes() {
  Attributes attributes;
  attributes.set("csv.header", "date,origin,delay\n");
  attributes.set("Z", "");
  attributes.set("bytes", std::string(300, '\0'));
  return attributes;
}

TEST_CASE("attributes are written today as the golden file holds them") {
  if (std::getenv("WRITE_GOLDEN")) write_file(golden_file(), sample_attributes().encode());
  CHECK((sample_attributes().encode() == read_file(golden_file())));
}

TEST_CASE("the golden attributes are read") {
  const Attributes attributes = Attributes::decode(read_file(golden_file()), golden_file());
  CHECK(attributes.names() == std::vector<std::string>{"Z", "bytes", "csv.header"});
  CHECK(attributes.value("csv.header") == "date,origin,delay\n");
  CHECK(attributes.value("Z") == "");
  CHECK((attributes.value("bytes") == std::string(300, '\0')));
}

}  // namespace
}  // namespace accrete::test
