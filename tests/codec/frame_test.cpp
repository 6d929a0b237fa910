// What codecs promise for bytes of every kind and size.
#include <accrete/error.hpp>
#include <doctest/doctest.h>
#include <string>

#include "base/bytes.hpp"
#include "codec/samples.hpp"

namespace accrete::test {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

std::size_t count_frames(std::string_view encoded) {
  FrameCursor cursor(encoded);
  std::size_t count = 0;
  while (cursor.next()) ++count;
  return count;
}

TEST_CASE("every codec gives back what it was given") {
  Random random(1);
  const std::string text = text_of(3 * mebibyte);
  const std::string noise = random_bytes(random, 3 * mebibyte);
  const std::string constant(3 * mebibyte, 'c');
  for (const Codec& codec : built_codecs()) {
    CAPTURE(codec.name());
    FrameEncoder encoder(codec);
    FrameDecoder decoder;
    for (const std::string* kind : {&text, &noise, &constant}) {
      for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{15}, std::size_t{100},
                                     std::size_t{4097}, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte}) {
        const std::string_view bytes = std::string_view(*kind).substr(0, size);
        std::string frames;
        encoder.append_frames(bytes, frames);
        CHECK(frames.empty() == bytes.empty());
        CHECK(frames.size() <= size + frame_header_size * ((size + max_frame_bytes - 1) / max_frame_bytes));
        CHECK(decoded_size(frames) == size);
        CHECK((decode_value(frames, decoder) == bytes));
      }
    }
  }
}

TEST_CASE("every codec but 'stored' makes text smaller, at every level") {
  const std::string text = text_of(50'000);
  for (const std::string& name : codec_names()) {
    if (name == "stored") continue;
    CHECK(encoded(parse_codec(name), text).size() < text.size() * 3 / 4);
  }
  for (const char* name : {"zstd", "zlib", "bz2", "blosc"}) {
    if (!is_built(name)) continue;
    for (const char* level : {":1", ":9"}) {
      CHECK(decoded(encoded(parse_codec(std::string(name) + level), text)) == text);
    }
  }
}

TEST_CASE("blosc makes arrays smaller that lz4 cannot") {
  if (!is_built("blosc") || !is_built("lz4")) return;
  std::string array;
  for (std::uint64_t i = 0; i < 8192; ++i) append_le(array, i * 2'654'435'761U % 1'000'003);
  CHECK(encoded(blosc(8), array).size() * 3 / 2 < encoded(lz4(), array).size());
}

TEST_CASE("the concatenation of encodings is the encoding of the concatenation, whatever the codecs") {
  Random random(2);
  std::string value;
  std::string frames;
  FrameDecoder decoder;
  for (int round = 0; round < 20; ++round) {
    for (const Codec& codec : built_codecs()) {
      const std::size_t size = random_below(random, 3000);
      const std::string piece = one_in(random, 4) ? random_bytes(random, size) : text_of(size);
      FrameEncoder(codec).append_frames(piece, frames);
      value += piece;
    }
  }
  CHECK((decode_value(frames, decoder) == value));
}

TEST_CASE("a range is what the whole value has there") {
  Random random(3);
  const std::string text = text_of(2'500'000);
  std::string frames;
  std::size_t from = 0;
  FrameEncoder encoder(built_codecs().back());
  while (from < text.size()) {
    const std::string_view piece = std::string_view(text).substr(from, one_in(random, 20) ? 2 * mebibyte : 5000);
    encoder.append_frames(piece, frames);
    from += piece.size();
  }
  FrameDecoder decoder;
  for (int i = 0; i < 300; ++i) {
    const std::size_t offset = random_below(random, text.size());
    const std::size_t size = random_below(random, one_in(random, 10) ? text.size() : 10'000);
    CHECK((decode_range(frames, offset, size, decoder) == text.substr(offset, size)));
  }
  const std::uint64_t endless = ~std::uint64_t{0};
  CHECK((decode_range(frames, 0, endless, decoder) == text));
  CHECK(decode_range(frames, text.size() - 1, endless, decoder).size() == 1);
  CHECK(decode_range(frames, text.size(), 1, decoder).empty());
  CHECK(decode_range(frames, endless, endless, decoder).empty());
  CHECK(decode_range({}, 0, 1, decoder).empty());
}

TEST_CASE("a range decodes the frames that it touches, and no others") {
  std::string frames;
  FrameEncoder encoder{Codec{}};
  for (const char* piece : {"aaaa", "bbbb", "cccc"}) encoder.append_frames(piece, frames);
  frames.back() ^= 1;
  FrameDecoder decoder;
  CHECK(decode_range(frames, 2, 6, decoder) == "aabbbb");
  CHECK_THROWS_AS(static_cast<void>(decode_range(frames, 2, 7, decoder)), CorruptionError);
}

TEST_CASE("the encoder stops trying what does not pay, and notices when it pays again") {
  Random random(4);
  const std::string noise = random_bytes(random, 64 * 1024);
  const std::string text = text_of(noise.size());
  for (const char* name : {"lz4", "snappy", "blosc"}) {
    if (!is_built(name)) continue;
    FrameEncoder encoder(parse_codec(name));
    std::string frames;
    const auto is_stored = [&](const std::string& bytes) {
      frames.clear();
      encoder.append_frames(bytes, frames);
      return first_frame(frames).header.method == static_cast<std::uint8_t>(Method::stored);
    };
    for (int i = 0; i < 200; ++i) CHECK(is_stored(noise));
    const std::size_t most = mebibyte / text.size() + 1;
    std::size_t stored = 0;
    while (stored <= most && is_stored(text)) ++stored;
    CHECK(stored > 0);
    CHECK(stored <= most);
    CHECK_FALSE(is_stored(text));
  }
}

TEST_CASE("text after much noise, or after small pieces that do not shrink, is soon compressed again by every codec") {
  Random random(5);
  const std::string noise = random_bytes(random, 64 * 1024);
  const std::string text = text_of(64 * 1024);
  for (const Codec& codec : built_codecs()) {
    if (codec == Codec{}) continue;
    CAPTURE(codec.name());
    FrameEncoder encoder(codec);
    const auto stored_text = [&] {
      std::size_t stored = 0;
      for (std::string frames; stored <= 2 * mebibyte; stored += text.size(), frames.clear()) {
        encoder.append_frames(text, frames);
        if (first_frame(frames).header.method != static_cast<std::uint8_t>(Method::stored)) break;
      }
      return stored;
    };
    std::string frames;
    for (int i = 0; i < 300; ++i) {
      frames.clear();
      encoder.append_frames(noise, frames);
    }
    CHECK(stored_text() <= mebibyte + text.size());
    for (std::size_t i = 0; i < 20'000; ++i) {
      frames.clear();
      encoder.append_frames(std::string_view(noise).substr(i, 40), frames);
    }
    CHECK(stored_text() == 0);
  }
}

TEST_CASE("doubt grows with what was in vain, up to its limit, and ends with a success") {
  Doubt doubt(1000);
  for (int i = 0; i < 8; ++i) {
    CHECK(doubt.advice() == Doubt::Advice::compress);
    doubt.failed(100);
  }
  const auto pass_on = [&] {
    int passed = 0;
    for (; doubt.advice() == Doubt::Advice::store; ++passed) doubt.passed(100);
    CHECK(doubt.advice() == Doubt::Advice::sample);
    return passed;
  };
  CHECK(pass_on() == 8);  // as the bytes that are passed count, too
  doubt.failed(100);
  CHECK(pass_on() == 10);
  for (int i = 0; i < 20; ++i) doubt.failed(100);
  CHECK(pass_on() == 10);
  doubt.succeeded();
  CHECK(doubt.advice() == Doubt::Advice::compress);
}

TEST_CASE("what is encoded is appended, and what was there stays") {
  std::string frames = "before";
  FrameEncoder{Codec{}}.append_frames("bytes", frames);
  CHECK(frames.substr(0, 6) == "before");
  CHECK(count_frames(frames.substr(6)) == 1);
  CHECK(decoded(frames.substr(6)) == "bytes");
}

}  // namespace
}  // namespace accrete::test
