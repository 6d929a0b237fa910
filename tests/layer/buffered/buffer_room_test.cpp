// Tests of a buffer that is short of memory: layer/buffered/buffer_flush.cpp.
#include <accrete/accrete.hpp>
#include <doctest/doctest.h>
#include <string>
#include <vector>

namespace accrete::test {
namespace {

TEST_CASE("appends to keys that do not come again go on, though what is known of those fills the buffer") {
  constexpr int batches = 400;
  constexpr int keys_a_batch = 2000;
  const auto store = buffered(memory_store(), {.limit_bytes = 8 << 20});
  for (int i = 0; i < batches; ++i) {
    std::vector<std::string> keys;
    std::vector<Entry> entries;
    for (int k = 0; k < keys_a_batch; ++k) keys.push_back(std::to_string(i * keys_a_batch + k));
    for (const std::string& key : keys) entries.push_back({key, "x"});
    store->append_batch(entries);
  }
  CHECK(store->stats().keys == batches * keys_a_batch);
}

}  // namespace
}  // namespace accrete::test
