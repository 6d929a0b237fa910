// Names and levels of codecs.
#include <accrete/codec.hpp>
#include <accrete/error.hpp>
#include <doctest/doctest.h>
#include <functional>

#include "codec/samples.hpp"

namespace accrete::test {
namespace {

TEST_CASE("a codec's name is read back as the codec") {
  for (const std::string& name : codec_names()) {
    CHECK(parse_codec(name).name() == name);
    CHECK(parse_codec(name) == parse_codec(parse_codec(name).name()));
  }
  CHECK(Codec{}.name() == "stored");
  CHECK(Codec{} == parse_codec("stored"));
}

TEST_CASE("a level stands in the name unless it is the default") {
  if (!is_built("zstd")) return;
  CHECK(zstd().name() == "zstd");
  CHECK(zstd(9).name() == "zstd:9");
  CHECK(parse_codec("zstd:9") == zstd(9));
  CHECK(parse_codec("zstd:3") == zstd());
  CHECK(parse_codec("zstd:9") != zstd());
}

TEST_CASE("a level out of range is refused") {
  for (const auto& [name, make] : {std::pair<std::string, std::function<Codec(int)>>{"zstd", zstd},
                                   {"zlib", zlib},
                                   {"bz2", bz2},
                                   {"blosc", [](int size) { return blosc(static_cast<std::size_t>(size)); }}}) {
    if (!is_built(name)) continue;
    CHECK_NOTHROW(make(1));
    CHECK_NOTHROW(make(9));
    for (const int level : {-1, 0, 256, 1 << 30}) CHECK_THROWS_AS(make(level), InvalidArgumentError);
    CHECK_THROWS_AS(static_cast<void>(parse_codec(name + ":99999999999999999999")), InvalidArgumentError);
  }
}

TEST_CASE("a name that is none of a codec is refused, and the message lists what there is") {
  for (const char* name :
       {"", "gzip", "LZ4", "lz4:", "lz4:1", "stored:0", "zstd:", "zstd:x", "zstd:3 ", "zstd:3:3", ":3"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(static_cast<void>(parse_codec(name)), InvalidArgumentError);
  }
  CHECK_THROWS_WITH_AS(static_cast<void>(parse_codec("gzip")), doctest::Contains("'gzip'; there are: stored"),
                       InvalidArgumentError);
}

TEST_CASE("a codec whose library is missing says so") {
  for (const char* name : {"lz4", "zstd", "snappy", "zlib", "bz2", "blosc"}) {
    if (is_built(name)) continue;
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_codec(name)), doctest::Contains("=enabled"), UnsupportedError);
  }
}

}  // namespace
}  // namespace accrete::test
