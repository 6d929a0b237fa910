// Pins frames: what each codec once made, kept in `codec` beside this file, is decoded. How a library compresses
// differs between its versions, so only what is stored is compared as it is written. With WRITE_GOLDEN set they are
// made anew: only for a new format version.
#include <accrete/error.hpp>
#include <cstdlib>
#include <doctest/doctest.h>

#include "codec/samples.hpp"
#include "support/file_bytes.hpp"

namespace accrete::test {
namespace {

std::string golden_file(std::string_view method) {
  const char* folder = std::getenv("GOLDEN");
  REQUIRE_MESSAGE(folder != nullptr, "GOLDEN names the folder of the golden files");
  return std::string(folder) + "/codec/" + std::string(method);
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

TEST_CASE("the golden frames of every method are decoded") {
  for (const MethodInfo& method : methods) {
    CAPTURE(method.name);
    try {
      const Codec codec = parse_codec(method.name);
      if (std::getenv("WRITE_GOLDEN")) write_file(golden_file(method.name), encoded(codec, sample()));
    } catch (const UnsupportedError&) {
      CHECK_THROWS_AS(decoded(read_file(golden_file(method.name))), UnsupportedError);
      continue;
    }
    const std::string frames = read_file(golden_file(method.name));
    CHECK(methods[first_frame(frames).header.method].name == method.name);
    CHECK((decoded(frames) == sample()));
  }
}

TEST_CASE("what is stored is written today as the golden file holds it") {
  CHECK((encoded(Codec{}, sample()) == read_file(golden_file("stored"))));
}

}  // namespace
}  // namespace accrete::test
