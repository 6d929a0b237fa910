// Frames that are damaged, or made to do harm.
#include <accrete/error.hpp>
#include <array>
#include <doctest/doctest.h>
#include <memory>

#include "codec/samples.hpp"

namespace accrete::test {
namespace {

const std::array<std::uint32_t, 5> impossible_sizes = {0, (1U << 20) + 1, 1U << 31, (1U << 31) + 1, ~0U};

TEST_CASE("every flipped byte is noticed") {
  const std::string text = text_of(200);
  for (const Codec& codec : built_codecs()) {
    const std::string first = encoded(codec, text);
    const std::string frames = first + encoded(codec, "second");
    for (std::size_t i = 0; i < frames.size(); ++i) {
      for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
        std::string flipped = frames;
        flipped[i] = static_cast<char>(flipped[i] ^ flip);
        CAPTURE(codec.name());
        CAPTURE(i);
        CHECK_THROWS_AS(decoded(flipped), CorruptionError);
        const bool is_of_header =
            (i < first.size() ? i : i - first.size()) < frame_header_size - sizeof(FrameHeader::checksum);
        if (is_of_header) CHECK_THROWS_AS(static_cast<void>(decoded_size(flipped)), CorruptionError);
      }
    }
  }
}

TEST_CASE("a value that is cut is damaged, unless it is cut between frames") {
  const std::string text = text_of(200);
  for (const Codec& codec : built_codecs()) {
    const std::string first = encoded(codec, text);
    const std::string frames = first + encoded(codec, "second");
    for (std::size_t size = 1; size < frames.size(); ++size) {
      CAPTURE(codec.name());
      CAPTURE(size);
      const std::string_view cut = std::string_view(frames).substr(0, size);
      if (size == first.size()) {
        CHECK(decoded(cut) == text);
        continue;
      }
      CHECK_THROWS_AS(decoded(cut), CorruptionError);
      CHECK_THROWS_WITH_AS(static_cast<void>(decoded_size(cut)), doctest::Contains("cut short"), CorruptionError);
    }
  }
}

TEST_CASE("a header that is not all there is told from one that is damaged") {
  const std::string frame = encoded(Codec{}, "bytes");
  for (std::size_t size = 0; size < frame_header_size; ++size) {
    CHECK_FALSE(try_decode_frame_header(std::string_view(frame).substr(0, size), {}));
  }
  const auto header = try_decode_frame_header(std::string_view(frame).substr(0, frame_header_size), {});
  REQUIRE(header);
  CHECK(header->decoded_size == 5);
  CHECK_THROWS_AS(static_cast<void>(try_decode_frame_header(std::string(frame_header_size, '\0'), {})),
                  CorruptionError);
}

TEST_CASE("a message of damage says whose value it is, and where") {
  const std::string first = encoded(Codec{}, "first");
  std::string frames = first + encoded(Codec{}, "second");
  frames.back() ^= 1;
  const std::string message = "cannot decode the value of 'a\\x0ab': the frame at byte " +
                              std::to_string(first.size()) +
                              " of its encoding is damaged: its checksum does not match; restore it from a copy, or "
                              "have 'accrete verify --repair' cut the damage out";
  CHECK_THROWS_WITH_AS(decoded(frames, {.key = "a\nb"}), message.c_str(), CorruptionError);
}

TEST_CASE("sizes that no frame has are damage, whatever the checksum says") {
  for (std::uint8_t method = 0; method < methods.size(); ++method) {
    for (const std::uint32_t size : impossible_sizes) {
      const std::string frame = sealed({.method = method, .decoded_size = size}, "payload");
      CHECK_THROWS_AS(static_cast<void>(decoded_size(frame)), CorruptionError);
      CHECK_THROWS_AS(decoded(frame), CorruptionError);
    }
    CHECK_THROWS_AS(decoded(sealed({.method = method, .decoded_size = 6}, "payload")), CorruptionError);
    CHECK_THROWS_AS(decoded(sealed({.method = method, .decoded_size = 7}, "")), CorruptionError);
  }
  CHECK_THROWS_AS(decoded(sealed({.decoded_size = 8}, "payload")), CorruptionError);
  CHECK(decoded(sealed({.decoded_size = 7}, "payload")) == "payload");
}

TEST_CASE("an encoded size beyond the end is damage") {
  FrameHeader header{.decoded_size = 1U << 20};
  for (const std::uint32_t size : {1U, 2U, 1U << 20}) {
    header.encoded_size = header.decoded_size = size;
    std::string frame(frame_header_size, '\0');
    encode_frame_header(header, std::span(frame).first<frame_header_size>());
    CHECK_THROWS_AS(decoded(frame), CorruptionError);
  }
}

TEST_CASE("a payload that makes more or less than its header says is damage, and nothing is written after") {
  const std::string text = text_of(5000);
  for (const Codec& codec : built_codecs()) {
    CAPTURE(codec.name());
    const std::string frames = encoded(codec, text);
    const Frame frame = first_frame(frames);
    for (const std::size_t size : {std::size_t{4000}, text.size() - 1, text.size() + 1, std::size_t{1} << 20}) {
      if (size < frame.payload.size()) continue;
      const std::string changed =
          sealed({.method = frame.header.method, .decoded_size = static_cast<std::uint32_t>(size)}, frame.payload);
      CHECK_THROWS_AS(decoded(changed), CorruptionError);
    }
  }
}

TEST_CASE("a payload with something after it, or cut, is damage") {
  const std::string text = text_of(5000);
  for (const Codec& codec : built_codecs()) {
    if (codec == Codec{}) continue;
    CAPTURE(codec.name());
    const std::string frames = encoded(codec, text);
    const Frame frame = first_frame(frames);
    const FrameHeader header{.method = frame.header.method, .decoded_size = frame.header.decoded_size};
    CHECK_THROWS_AS(decoded(sealed(header, std::string(frame.payload) + "x")), CorruptionError);
    CHECK_THROWS_AS(decoded(sealed(header, std::string(frame.payload) + std::string(100, '\0'))), CorruptionError);
    for (std::size_t size = 1; size < frame.payload.size(); size += 7) {
      CHECK_THROWS_AS(decoded(sealed(header, frame.payload.substr(0, size))), CorruptionError);
    }
  }
}

TEST_CASE("a payload under the name of another method is damage") {
  const std::string text = text_of(500);
  for (const Codec& codec : built_codecs()) {
    if (codec == Codec{}) continue;
    const std::string frames = encoded(codec, text);
    const Frame frame = first_frame(frames);
    for (const Codec& other : built_codecs()) {
      const auto method = static_cast<std::uint8_t>(CodecAccess::method(other));
      if (method == frame.header.method) continue;
      CHECK_THROWS_AS(decoded(sealed({.method = method, .decoded_size = 500}, frame.payload)), CorruptionError);
    }
  }
}

TEST_CASE("an unknown method or version is not supported if the checksum is right, and damage otherwise") {
  for (FrameHeader header : {FrameHeader{.method = 7}, FrameHeader{.method = 255}, FrameHeader{.version = 2}}) {
    header.decoded_size = 7;
    std::string frame = sealed(header, "payload");
    CHECK_THROWS_AS(decoded(frame), UnsupportedError);
    CHECK(decoded_size(frame) == 7);
    frame.back() ^= 1;
    CHECK_THROWS_AS(decoded(frame), CorruptionError);
  }
}

TEST_CASE("a bomb is refused before there is memory for it") {
  constexpr std::uint64_t frame_count = 100'000;  // 98 GiB: more than there is memory for
  const std::string frame = sealed({.method = 1, .decoded_size = 1U << 20}, "x");
  std::string bomb;
  for (std::uint64_t i = 0; i < frame_count; ++i) bomb += frame;
  CHECK(decoded_size(bomb) == frame_count << 20);
  CHECK_THROWS_WITH_AS(decoded(bomb, {.key = "k"}), doctest::Contains("limit"), TooLargeError);
  FrameDecoder decoder;
  CHECK_THROWS_AS(static_cast<void>(decode_range(bomb, 1, ~std::uint64_t{0}, decoder)), TooLargeError);
}

TEST_CASE("the limit is what may be decoded, and no byte less") {
  const std::string constant(3 << 20, 'c');
  for (const Codec& codec : built_codecs()) {
    const std::string frames = encoded(codec, constant);
    CHECK((decoded(frames, {.limit_bytes = constant.size()}) == constant));
    CHECK_THROWS_AS(decoded(frames, {.limit_bytes = constant.size() - 1}), TooLargeError);
    FrameDecoder decoder;
    CHECK(decode_range(frames, 5, 1000, decoder, {.limit_bytes = 1000}).size() == 1000);
    CHECK_THROWS_AS(static_cast<void>(decode_range(frames, 5, 1001, decoder, {.limit_bytes = 1000})), TooLargeError);
  }
}

}  // namespace
}  // namespace accrete::test
