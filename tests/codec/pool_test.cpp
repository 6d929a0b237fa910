#include "codec/pool.hpp"

#include <doctest/doctest.h>
#include <thread>
#include <vector>

#include "codec/samples.hpp"
#include "support/require.hpp"

namespace accrete::test {
namespace {

TEST_CASE("what is given back is taken again, and no two hold the same") {
  int made = 0;
  Pool<int> pool([&] { return std::make_unique<int>(++made); });
  for (int i = 0; i < 3; ++i) CHECK(*pool.take() == 1);
  {
    std::vector<Pool<int>::Lease> leases;
    for (int i = 1; i <= 20; ++i) {
      leases.push_back(pool.take());
      CHECK(*leases.back() == i);
    }
  }
  CHECK(*pool.take() <= 20);
  CHECK(made == 20);
}

TEST_CASE("threads share the encoders and decoders of a pool") {
  for (const Codec& codec : built_codecs()) {
    Pool<FrameEncoder> encoders([&] { return std::make_unique<FrameEncoder>(codec); });
    Pool<FrameDecoder> decoders([] { return std::make_unique<FrameDecoder>(); });
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        Random random(thread);
        for (int i = 0; i < 50; ++i) {
          const std::string text = text_of(random_below(random, 20'000));
          std::string frames;
          encoders.take()->append_frames(text, frames);
          require(decode_value(frames, *decoders.take()) == text, "a thread gets back what it has encoded");
        }
      });
    }
  }
}

}  // namespace
}  // namespace accrete::test
