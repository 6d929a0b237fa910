// Streams as gzip, zstd, bzip2 and xz write them: known by their beginning, and decoded however they come.
#include "codec/stream_decoder.hpp"

#include <accrete/error.hpp>
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <string>
#include <string_view>

namespace accrete::test {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view text = "accrete\n";

struct Sample {
  StreamFormat format;
  std::string_view bytes;  // what the format's program has made of the text
};

constexpr auto samples = std::to_array<Sample>({
    {StreamFormat::gzip,
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4e\x2e\x4a\x2d\x49\xe5\x02\x00\x2e\x56\x10\x69\x08\x00\x00\x00"sv},
    {StreamFormat::zstd, "\x28\xb5\x2f\xfd\x04\x58\x41\x00\x00\x61\x63\x63\x72\x65\x74\x65\x0a\x58\x4a\x8c\xdf"sv},
    {StreamFormat::bzip2,
     "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x35\xa1\x34\x6d\x00\x00\x00\xc1\x80\x00\x10\x2a\x00\x14\x00\x20\x00\x30"
     "\xc0\x06\x4c\x6a\x5e\x94\x21\xe2\xee\x48\xa7\x0a\x12\x06\xb4\x26\x8d\xa0"sv},
    {StreamFormat::xz,
     "\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\x01\x00\x07\x61"
     "\x63\x63\x72\x65\x74\x65\x0a\x00\x54\xc6\x59\xbb\x60\xd2\xa7\xda\x00\x01\x20\x08\xbb\x19\xd9\xbb\x1f\xb6\xf3\x7d"
     "\x01\x00\x00\x00\x00\x04\x59\x5a"sv},
});

struct Decoded {
  std::string text;
  int streams = 0;
};

/// In pieces of `step` bytes, into as little room.
Decoded decode(StreamFormat format, std::string_view bytes, std::size_t step) {
  const std::unique_ptr<StreamDecoder> decoder = make_stream_decoder(format);
  Decoded decoded;
  std::string room(step, '\0');
  std::size_t end = 0;
  std::size_t begin = 0;
  while (true) {
    const StreamDecoder::Step done = decoder->decode(bytes.substr(begin, end - begin), room);
    begin += done.read;
    decoded.text.append(room, 0, done.written);
    decoded.streams += done.is_over ? 1 : 0;
    if (done.read > 0 || done.written > 0) continue;
    if (end == bytes.size()) return decoded;
    end = std::min(bytes.size(), end + step);
  }
}

TEST_CASE("a stream is known by its first bytes, and no sooner") {
  for (const Sample& sample : samples) {
    CAPTURE(name_of(sample.format));
    CHECK(stream_format_of(sample.bytes, false) == sample.format);
    for (std::size_t size = 0; size < 3; ++size) {
      CHECK_FALSE(stream_format_of(sample.bytes.substr(0, size), false));
      CHECK(stream_format_of(sample.bytes.substr(0, size), true) == StreamFormat::none);
    }
  }
  CHECK(stream_format_of("\x50\x2A\x4D\x18 a frame that is passed over", false) == StreamFormat::zstd);
}

TEST_CASE("text is no stream, also if it begins alike") {
  for (const std::string_view plain : {"a,b\n"sv, "BZh,price\n"sv, "BZh9,price,a\n"sv, "(x)\n"sv, "\x1F\x8B,\n"sv}) {
    CHECK(stream_format_of(plain, false) == StreamFormat::none);
  }
}

TEST_CASE("streams decode in pieces of any size, also several one after the other") {
  for (const Sample& sample : samples) {
    CAPTURE(name_of(sample.format));
    const std::string twice = std::string(sample.bytes).append(sample.bytes);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, twice.size()}) {
      const Decoded decoded = decode(sample.format, twice, step);
      CHECK(decoded.text == std::string(text).append(text));
      CHECK(decoded.streams == 2);
    }
  }
}

TEST_CASE("a stream that is cut off has not ended, and gives what is before the cut") {
  for (const Sample& sample : samples) {
    CAPTURE(name_of(sample.format));
    for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
      const Decoded decoded = decode(sample.format, sample.bytes.substr(0, size), 5);
      CHECK(decoded.streams == 0);
      CHECK(text.starts_with(decoded.text));
    }
  }
}

TEST_CASE("a damaged stream is an error, or ends before its time") {
  for (const Sample& sample : samples) {
    CAPTURE(name_of(sample.format));
    std::string damaged(sample.bytes);
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    CHECK_THROWS_AS((void)decode(sample.format, damaged, damaged.size()), CorruptionError);
  }
}

}  // namespace
}  // namespace accrete::test
