// Encoders and decoders use their memory again. Every allocation of the process is counted, those of the libraries too.
#include <accrete/error.hpp>
#include <atomic>
#include <cstddef>
#include <doctest/doctest.h>

#include "codec/pool.hpp"
#include "codec/samples.hpp"

namespace {

std::atomic<std::size_t> allocations{0};  // NOLINT: malloc has no object to keep it in

}  // namespace

// glibc's own.
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);

extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}

namespace accrete::test {
namespace {

TEST_CASE("nothing is allocated for a piece once the first ones have been through, but by some libraries") {
  for (const Codec& codec : built_codecs()) {
    // These libraries allocate at each call.
    if (codec.name() == "bz2" || codec.name() == "snappy" || codec.name() == "blosc") continue;
    Pool<FrameEncoder> encoders([&] { return std::make_unique<FrameEncoder>(codec); });
    Pool<FrameDecoder> decoders([] { return std::make_unique<FrameDecoder>(); });
    std::string frames;
    std::string bytes(100'000, '\0');
    const auto there_and_back = [&](const std::string& piece) {
      frames.clear();
      encoders.take()->append_frames(piece, frames);
      const Frame frame = first_frame(frames);
      decoders.take()->decode(frame, std::span(bytes).first(frame.header.decoded_size));
      decoders.take()->decode_part(frame, 1, std::span(bytes).first(frame.header.decoded_size - 1));
    };
    const std::string text = text_of(bytes.size());
    const std::string small = text_of(100);
    for (int i = 0; i < 2; ++i) {
      there_and_back(text);
      there_and_back(small);
    }
    const std::size_t before = allocations;
    for (int i = 0; i < 20; ++i) {
      there_and_back(text);
      there_and_back(small);
    }
    const std::size_t after = allocations;  // doctest's own come after
    CAPTURE(codec.name());
    CHECK(after == before);
  }
  CHECK(allocations > 0);
}

}  // namespace
}  // namespace accrete::test
